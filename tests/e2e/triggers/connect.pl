#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# connect tcp|udp ADDRESS PORT: does not wait for an answer. Without modules,
# which the container does not have.
my ($protocol, $address, $port) = @ARGV;
socket(my $socket, 2, $protocol eq 'tcp' ? 1 : 2, 0) or die "socket: $!";
fcntl($socket, 4, 04000);    # F_SETFL, O_NONBLOCK
connect($socket, pack('S n C4 x8', 2, $port, split /\./, $address));
