# Compiles patterns and matches names as the original does. Each line is a
# pattern and names, in hexadecimal; the answer says what Perl makes of them.
# A pattern that takes too long ends the program, by the alarm.
use strict;
$| = 1;

$SIG{__WARN__} = sub { };

while (my $question = <STDIN>) {
    chomp $question;
    my ($rule, @names) = map { pack 'H*', $_ } split /,/, $question, -1;
    alarm 2;
    my $pattern = eval { $rule =~ m{\A(.+)\z}s; qr{$1}i };
    if (!defined $pattern) {
        alarm 0;
        print "refused ", $@ =~ s/\n.*//sr =~ s/[^ -~]/?/gr, "\n";
        next;
    }
    my $matches = eval { join '', map { $_ =~ $pattern ? 1 : 0 } @names };
    alarm 0;
    print defined $matches ? "matches $matches\n" : "died\n";
}
