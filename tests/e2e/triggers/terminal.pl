#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# terminal COMMAND...: with a controlling terminal of its own.
$^F = 100;       # the terminal lives as long as the command
syscall 112;     # setsid
open(my $master, '+<', '/dev/ptmx') or die "ptmx: $!";
my $number = pack 'i', 0;
ioctl($master, 0x40045431, $number);    # TIOCSPTLCK
ioctl($master, 0x80045430, $number);    # TIOCGPTN
open(my $slave, '+<', '/dev/pts/' . unpack 'i', $number) or die "pts: $!";
exec @ARGV;
