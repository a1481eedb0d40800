#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# resolve NAME PORT: asks 203.0.113.80 for the name's address over UDP, and
# connects there without waiting for an answer.
my ($name, $port) = @ARGV;
socket(my $asker, 2, 2, 0) or die "socket: $!";
connect($asker, pack('S n C4 x8', 2, 53, 203, 0, 113, 80)) or die "connect: $!";
my $labels = join '', map { pack 'C/a', $_ } split /\./, $name;
send($asker, pack('n6', 1, 0x100, 1, 0, 0, 0) . "$labels\0" . pack('n2', 1, 1),
  0) or die "send: $!";
recv($asker, my $answer, 512, 0) // die "recv: $!";
socket(my $socket, 2, 1, 0) or die "socket: $!";
fcntl($socket, 4, 04000);    # F_SETFL, O_NONBLOCK
# The address is the last the answer says.
connect($socket, pack('S n', 2, $port) . substr($answer, -4) . "\0" x 8);
