#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# serve ADDRESS PORT: listens everywhere, connects to itself by the address and
# takes the connection.
my ($address, $port) = @ARGV;
socket(my $server, 2, 1, 0) or die "socket: $!";
bind($server, pack('S n x12', 2, $port)) or die "bind: $!";
listen($server, 1) or die "listen: $!";
socket(my $client, 2, 1, 0) or die "socket: $!";
connect($client, pack('S n C4 x8', 2, $port, split /\./, $address))
  or die "connect: $!";
accept(my $taken, $server) or die "accept: $!";
