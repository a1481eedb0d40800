#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# listen ADDRESS PORT: until it listens.
my ($address, $port) = @ARGV;
socket(my $socket, 2, 1, 0) or die "socket: $!";
bind($socket, pack('S n C4 x8', 2, $port, split /\./, $address))
  or die "bind: $!";
listen($socket, 1) or die "listen: $!";
