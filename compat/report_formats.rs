//! The output of `postgreyreport` in all its forms (BEHAVIOUR H2 to H4).

use crate::case::{case, differs};
use crate::report::{TIME, USUAL, line, usual};
use testkit::Attempt;

fn log() -> String {
    [
        ("mx.b.com[1.2.3.4]", "a@b.com", "r@d.com"),
        ("mx.b.com[1.2.3.4]", "a@b.com", "r@d.com"),
        ("unknown[1.2.3.5]", "b@b.com", "r@d.com"),
        ("dsl-4-6.c.com[1.2.4.6]", "c@c.com", "R@D.com"),
        ("mx.b.com[20.2.3.4]", "A+ext@b.com", "r@d.com"),
        ("mx.b.com[20.2.3.5]", "list-12-bounce@b.com", "r@d.com"),
        (
            "a-very-long-name-of-a-client.in-a-very-long-name-of-a-domain.of-a-provider.example.com\
          [200.250.240.230]",
            "a.very.long.local.part.of.a.sender@a.long.domain.example",
            "r@d.com",
        ),
        ("nodomain.b.com[9.8.7.6]", "nodomain", "postmaster"),
    ]
    .map(|(client, sender, recipient)| line(client, sender, recipient))
    .concat()
}

#[test]
fn every_form_has_its_columns() {
    case(|run| {
        let site = run.site(&[], &[]);
        let (log, single) = (log(), usual());
        run.expect("usual", site.report("", &single).stdout, USUAL);
        for words in [
            "",
            "--show_tries",
            "--show_time",
            "--tab",
            "--show_time --show_tries",
            "--tab --show_time --show_tries",
            "--nosingle_line",
            "--nosingle_line --show_tries",
            "--nosingle_line --show_time --tab",
        ] {
            run.note(words, site.report(words, &log).shown());
        }
    });
}

#[test]
fn texts_stand_before_networks_and_clients() {
    case(|run| {
        let site = run.site(&[], &[]);
        let log = log();
        for words in [
            r"--separate_by_subnet=--\n",
            r"--separate_by_ip=\n",
            r"--separate_by_ip=a\\n\tb",
            r"--separate_by_subnet=net\n --separate_by_ip=ip\n",
            "--separate_by_subnet=0",
            r"--separate_by_subnet=0 --separate_by_ip=ip",
            "--separate_by_ip ''",
            r"--nosingle_line --separate_by_subnet=net\n --separate_by_ip=ip\n",
        ] {
            run.note(words, site.report(words, &log).shown());
        }
    });
}

#[test]
fn only_deferred_mail_is_looked_at() {
    case(|run| {
        let site = run.site(&[], &[]);
        for (from, to) in [
            ("reject: ", "reject_warning: "),
            ("Greylisted", "greylisted"),
            (" 450 ", " 554 "),
            (" 450 4.2.0 ", " 450 "),
            (" 450 4.2.0 ", " 450 4.7.1 "),
            ("NOQUEUE", "4F1A2B3C"),
            ("RCPT from", "DATA from"),
            ("to=<r@d.com>", "to=<>"),
            ("from=<a@b.com> ", ""),
            ("helo=<mx.b.com>", "helo=<\u{e9}>"),
            ("\n", "\r\n"),
            ("from=<a@b.com>", "from=<A@B.com>"),
            ("mx.b.com[", "MX.b.com["),
        ] {
            let log = usual().replace(from, to);
            run.note(format!("{from:?} for {to:?}"), site.report("--show_tries", &log).shown());
        }
        run.note("text", site.report("--greylist-text=Gr[e]y(?=listed),?l", &usual()).shown());
        run.note("other text", site.report("--greylist-text=^Jun.*see", &usual()).shown());
        run.note("no text", site.report("--greylist-text ''", &usual()).shown());
        let broken = site.report("--greylist-text=(", &usual());
        run.note("a broken pattern", broken.stdout + &broken.status);
    });
}

#[test]
fn mail_is_lost_that_did_not_come_back_after_the_delay() {
    let mail = |recipient: &str| Attempt::new("1.2.3.4", "mx.b.com", "a@b.com", recipient);
    let times = [("never", 0), ("early", 299), ("just", 300), ("late", 4000)];
    let attempts: Vec<Attempt> = times
        .iter()
        .flat_map(|(who, seconds)| {
            let mail = mail(&format!("{who}@d.com"));
            [mail.clone().at(0), mail.at(*seconds)]
        })
        .collect();
    case(|run| {
        let site = run.site(&["--auto-whitelist-clients=0"], &attempts);
        let whom = ["never", "early", "just", "late", "unheard"];
        // One client each, or else their order would be by chance.
        let log = whom.iter().enumerate().map(|(n, who)| {
            line(&format!("mx.b.com[1.2.3.{n}]"), "a@b.com", &format!("{who}@d.com"))
        });
        let log: String = log.collect();
        for words in [
            "",
            "--delay=300",
            "--delay=301",
            "--delay=5000",
            "--delay=299",
            "--delay=0",
            "--delay=abc",
            "--delay=-5",
            "--delay=299.5",
            "--delay=1e9x",
        ] {
            run.note(words, site.report(words, &log).shown());
        }
    });
}

#[test]
fn lists_of_clients_choose_what_is_reported() {
    let lists = [
        "# comment\n\n b.com \n",
        "/^mx\\./\n",
        "/^MX\\d?\\.B/\n",
        "1\n",
        "1.2\n",
        "1.2.3\n",
        "1.2.3.4\n",
        "20.2.3.4\n",
        "1.2.3.4.5\n",
        "om\n",
        "B.COM\n",
        "unknown\n",
        "mx.b.com#x\n",
        "/a(?=-very)/\n",
        "",
        "dsl-4-6.c.com\r\n",
    ];
    case(|run| {
        let site = run.site(&[], &[]);
        for list in lists {
            site.scratch().file("list", list);
            for words in ["--skip_clients=list", "--match_clients=list"] {
                run.note(format!("{words} {list:?}"), site.report(words, &log()).shown());
            }
        }
        site.scratch().file("list", "1.2\n");
        site.scratch().file("other", "20\n");
        for words in [
            "--skip_clients=list --skip_clients=other",
            "--match_clients=list --match_clients other",
            "--match_clients=list --skip_clients=list",
            "--skip_pool",
            "--skip_pool --match_clients=list",
        ] {
            run.note(words, site.report(words, &log()).shown());
        }
        site.scratch().file("list", "two words\nb.com\n");
        run.note("words", site.report("--skip_clients=list", &log()).shown());
    });
}

#[test]
fn lists_accept_networks_and_a_missing_list_is_reported() {
    case(|run| {
        let site = run.site(&[], &[]);
        site.scratch().file("list", "1.2.3.0/24\n");
        let outcome = site.report("--skip_clients=list", &usual());
        run.expect(
            "network",
            outcome.shown(),
            differs("X72", format!("{USUAL}exit status: 0"), "exit status: 0"),
        );
        let outcome = site.report("--skip_clients=nope", &usual());
        run.note("missing list", outcome.stdout + &outcome.status);
        run.expect(
            "told",
            outcome.stderr,
            differs("X72", "", "Can't open nope: No such file or directory\n"),
        );
        site.scratch().file("list", "/(/\n");
        let outcome = site.report("--skip_clients=list", &usual());
        run.note(
            "broken pattern",
            outcome.stdout + &(outcome.status == "exit status: 0").to_string(),
        );
        let names_line = outcome.stderr.contains("list line 1");
        run.expect("names the line", names_line.to_string(), differs("X72", "false", "true"));
    });
}

#[test]
fn the_time_is_that_of_the_last_attempt() {
    case(|run| {
        let site = run.site(&[], &[]);
        let log = usual() + &usual().replace(TIME, "Jul  1 23:59:59");
        run.note("last", site.report("--show_time --show_tries", &log).shown());
    });
}
