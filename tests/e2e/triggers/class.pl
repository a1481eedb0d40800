#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# class PORT BYTES: receives the bytes over UDP, which it sends itself; in
# hexadecimal, "cafebabe" is the beginning of a Java class.
my ($port, $bytes) = @ARGV;
my $address = pack('S n C4 x8', 2, $port, 203, 0, 113, 10);
socket(my $socket, 2, 2, 0) or die "socket: $!";
bind($socket, $address) or die "bind: $!";
connect($socket, $address) or die "connect: $!";
send($socket, pack('H*', $bytes), 0) or die "send: $!";
recv($socket, my $class, 80, 0);
