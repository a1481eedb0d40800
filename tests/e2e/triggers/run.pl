#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Runs in the container: each trigger of the file, with a mark before it by
# which its events are told from those of the others. No shell: what a shell is
# given would stand in its own arguments, and rules would see it there.
open(my $triggers, '<', $ARGV[0]) or die "$ARGV[0]: $!";
while (my $line = <$triggers>) {
  chomp $line;
  next if $line =~ /^#/;
  my (undef, $command) = split /\t+/, $line, 2;
  my @words;
  push @words, $1 // $2 while $command =~ /\G\s*(?:'([^']*)'|(\S+))/g;
  mkdir "/marks/$.";
  system { $words[0] } @words;
}
mkdir '/marks/end';
