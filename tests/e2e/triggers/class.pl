#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Receives the beginning of a Java class, which it sends itself.
my $address = pack('S n C4 x8', 2, 9999, 203, 0, 113, 10);
socket(my $socket, 2, 2, 0) or die "socket: $!";
bind($socket, $address) or die "bind: $!";
connect($socket, $address) or die "connect: $!";
send($socket, "\xca\xfe\xba\xbe", 0) or die "send: $!";
recv($socket, my $class, 80, 0);
