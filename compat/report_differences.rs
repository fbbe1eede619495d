//! Cases in which our report differs from the original's, which is known to be wrong
//! there (BEHAVIOUR H2 to H4).

use crate::case::{case, differs};
use crate::report::{TIME, USUAL, line, usual};
use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use testkit::Attempt;

fn told(address: &str, name: &str, sender: &str, recipient: &str) -> String {
    format!("{address:>15} {name} {sender} {recipient}\n")
}

#[test]
fn keys_are_made_as_the_daemon_makes_them() {
    // Options of the daemon; the client's name and address; the sender as
    // Postfix logs it, as it asks for it, and as the original's report shows it.
    let table = [
        ("", "mx.b.com", "1.2.3.4", ["prvs=0123456789=a@b.com"; 2], "prvs=#=a@b.com"),
        ("", "unknown", "1.2.3.4", ["a@b.com"; 2], "a@b.com"),
        ("", "dsl-3-4.b.com", "1.2.3.4", ["a@b.com"; 2], "a@b.com"),
        ("--ipv4cidr=16", "mx.b.com", "1.2.3.4", ["a@b.com"; 2], "a@b.com"),
        ("--ipv4cidr=25", "mx.b.com", "1.2.3.200", ["a@b.com"; 2], "a@b.com"),
        ("--lookup-by-host", "mx.b.com", "1.2.3.4", ["a@b.com"; 2], "a@b.com"),
        ("--privacy", "mx.b.com", "1.2.3.4", ["a@b.com"; 2], "a@b.com"),
        ("", "mx.b.com", "1.2.3.4", ["\"a b\"@b.com", "a b@b.com"], "\"a b\"@b.com"),
    ];
    case(|run| {
        for (option, name, address, [logged, asked], shown) in table {
            let options = if option.is_empty() { &[][..] } else { &[option][..] };
            let mail = Attempt::new(address, name, asked, "r@d.com");
            let site = run.site(options, &[mail.clone().at(0), mail.at(400)]);
            let outcome = site.report("", &line(&format!("{name}[{address}]"), logged, "r@d.com"));
            let theirs = told(address, name, shown, "r@d.com");
            let what = format!("{option} {name} {logged}");
            run.expect(what, outcome.stdout + &outcome.stderr, differs("X63", theirs, ""));
        }
    });
}

#[test]
fn a_lost_sender_is_shown_as_the_daemon_knows_it() {
    case(|run| {
        let site = run.site(&[], &[]);
        let outcome =
            site.report("", &line("mx.b.com[1.2.3.4]", "prvs=0123456789=a@b.com", "r@d.com"));
        let theirs = told("1.2.3.4", "mx.b.com", "prvs=#=a@b.com", "r@d.com");
        run.expect("report", outcome.stdout, differs("X63", theirs, USUAL));
    });
}

#[test]
fn mail_that_passed_by_a_whitelist_is_not_lost() {
    let mail = |recipient| Attempt::new("1.2.3.4", "mx.b.com", "a@b.com", recipient);
    case(|run| {
        let first = mail("first@d.com");
        let attempts = [first.clone().at(0), first.at(400), mail("r@d.com").at(0)];
        let site = run.site(&["--auto-whitelist-clients=1"], &attempts);
        let report = site.report("", &usual()).stdout;
        run.expect("auto-whitelist", report, differs("X64", USUAL, ""));
        let site = run.site(&["--auto-whitelist-clients=2"], &attempts);
        run.expect("not yet enough", site.report("", &usual()).stdout, USUAL);

        let site = run.site(&[], &[]);
        let pass = |reason: &str, recipient: &str| {
            format!(
                "{TIME} mx postgrey[5]: action=pass, reason={reason}, client_name=mx.b.com, \
                 client_address=1.2.3.9, sender=a@b.com, recipient={recipient}\n"
            )
        };
        for reason in ["client whitelist", "recipient whitelist", "client AWL", "triplet found"] {
            let log = usual() + &pass(reason, "r@d.com");
            run.expect(reason, site.report("", &log).stdout, differs("X64", USUAL, ""));
        }
        let before = pass("client whitelist", "r@d.com") + &usual();
        run.expect("passed before", site.report("", &before).stdout, USUAL);
        let other = usual() + &pass("client whitelist", "other@d.com");
        run.expect("other mail passed", site.report("", &other).stdout, USUAL);
    });
}

#[test]
fn the_delay_is_the_daemon_s_own() {
    let mail = Attempt::new("1.2.3.4", "mx.b.com", "a@b.com", "r@d.com");
    case(|run| {
        let site = run.site(&["--delay=60"], &[mail.clone().at(0), mail.clone().at(100)]);
        run.expect("unsaid", site.report("", &usual()).stdout, differs("X65", USUAL, ""));
        run.expect("said", site.report("--delay=300", &usual()).stdout, USUAL);
        run.expect("said right", site.report("--delay=60", &usual()).stdout, "");
    });
}

#[test]
fn every_client_and_every_sender_is_reported() {
    case(|run| {
        let site = run.site(&[], &[]);
        let usual_told = |address, sender| told(address, "mx.b.com", sender, "r@d.com");
        for (log, ours) in [
            (
                line("mx.b.com[2001:DB8::1]", "a@b.com", "r@d.com"),
                usual_told("2001:db8::1", "a@b.com"),
            ),
            (line("mx.b.com[1.2.3.4]", "", "r@d.com"), usual_told("1.2.3.4", "<>")),
            (line("mx.b.com[1.2.3.4]:4711", "a@b.com", "r@d.com"), USUAL.to_owned()),
            (usual().replace(" to=<r@", " orig_to=<o@d.com> to=<r@"), USUAL.to_owned()),
        ] {
            run.expect(&log, site.report("", &log).stdout, differs("X66", "", ours));
        }
    });
}

#[test]
fn ipv6_clients_and_bounces_that_came_back_are_not_lost() {
    case(|run| {
        let mail = Attempt::new("2001:db8::1", "mx.b.com", "", "r@d.com");
        let site = run.site(&[], &[mail.clone().at(0), mail.at(400)]);
        let log = line("mx.b.com[2001:db8::1]", "", "r@d.com");
        run.expect("passed", site.report("", &log).stdout, "");
        let log = line("mx.b.com[2001:db8:9::1]", "", "r@d.com");
        let ours = told("2001:db8:9::1", "mx.b.com", "<>", "r@d.com");
        run.expect("lost", site.report("", &log).stdout, differs("X66", "", ours));
    });
}

#[test]
fn iso_timestamps_are_shown_whole() {
    case(|run| {
        let site = run.site(&[], &[]);
        let time = "2024-06-20T10:00:00.123456+02:00";
        let log = usual().replace(TIME, time);
        let report = |time: &str| format!("{time} {USUAL}");
        let shown = site.report("--show_time", &log).stdout;
        run.expect("time", shown, differs("X67", report("2024-06-20T10:0"), report(time)));
    });
}

#[test]
fn slashes_do_not_garble_the_report() {
    case(|run| {
        let site = run.site(&[], &[]);
        let log = line("mx.b.com[1.2.3.4]", "z/slash@b.com", "r/slash@d.com");
        let theirs = "        1.2.3.4 mx.b.com z slash@b.com\n";
        let ours = "        1.2.3.4 mx.b.com z/slash@b.com r/slash@d.com\n";
        run.expect("report", site.report("", &log).stdout, differs("X68", theirs, ours));
    });
}

#[test]
fn the_order_is_the_same_each_time() {
    case(|run| {
        let site = run.site(&[], &[]);
        let senders = "nbvcxylkjhgfdsa".chars().map(|letter| format!("{letter}@b.com"));
        let log: String = senders.map(|it| line("mx.b.com[1.2.3.4]", &it, "r@d.com")).collect();
        let report = site.report("", &log).stdout;
        let lines: Vec<&str> = report.lines().collect();
        run.note("lines", lines.len().to_string());
        run.expect("by sender", lines.is_sorted().to_string(), differs("X69", "false", "true"));
    });
}

#[test]
fn logs_of_root_are_read_and_packed_ones_too() {
    case(|run| {
        let site = run.site(&[], &[]);
        let path = site.scratch().file("log", usual());
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("chmod");
        let outcome = site.report("log", "");
        run.expect("root's", outcome.stdout, differs("X73", "", USUAL));
        run.note("status", outcome.status);
        for packer in ["gzip", "xz", "zstd"] {
            let packed = Command::new(packer).arg("-kc").arg(&path).output();
            let packed = packed.unwrap_or_else(|error| panic!("{packer}: {error}"));
            site.scratch().file("packed", packed.stdout);
            let outcome = site.report("packed", "");
            run.expect(packer, outcome.stdout + &outcome.stderr, differs("X73", "", USUAL));
            let packed = File::open(site.scratch().path().join("packed")).expect("the file");
            let output = site.command("", "").stdin(packed).output().expect("the report");
            let outcome = site.outcome(&output);
            let shown = outcome.stdout + &outcome.stderr;
            run.expect(format!("{packer}, standard input"), shown, differs("X73", "", USUAL));
        }
    });
}

#[test]
fn whatever_code_the_greylist_answers_with_is_looked_at() {
    case(|run| {
        let site = run.site(&[], &[]);
        for code in ["451", "421"] {
            let log = usual().replace(" 450 ", &format!(" {code} "));
            let shown = site.report("", &log).stdout;
            run.expect(code, shown, differs("X77", "", USUAL));
            let shown = site.report("--greylist-text ''", &log).shown();
            run.note(format!("{code} without a text"), shown);
        }
        run.note("for good", site.report("", &usual().replace(" 450 ", " 554 ")).shown());
    });
}
