//! From the words of a command to what it shall do.

use super::*;
use crate::greylist::State;

fn invocation(line: &str) -> Result<cli::Invocation, UsageError> {
    parse(line.split_whitespace().map(|word| word.trim_matches('\'').into()).collect())
}

fn administration(line: &str) -> Invocation {
    match invocation(line) {
        Ok(cli::Invocation::Administer(invocation)) => *invocation,
        other => panic!("{line}: {other:?}"),
    }
}

fn command(line: &str) -> Command {
    administration(line).command
}

#[test]
fn format_and_file_are_those_of_any_command() {
    for (line, format, file) in [
        ("list", OutputFormat::Text, None),
        ("show --json --file=copy 192.0.2.1", OutputFormat::Json, Some("copy")),
        ("stats --json", OutputFormat::Json, None),
        ("check --json --exim", OutputFormat::Json, None),
        ("import --from=-", OutputFormat::Text, Some("-")),
        ("restore copy", OutputFormat::Text, Some("copy")),
        ("backup copy", OutputFormat::Text, None),
    ] {
        let Invocation { format: found, file: found_file, .. } = administration(line);
        assert_eq!((found, found_file), (format, file.map(Into::into)), "{line}");
    }
}

fn refusal(line: &str) -> String {
    let error = invocation(line).expect_err(line);
    assert_eq!(error.status, 2, "{line}");
    error.message
}

#[test]
fn a_list_has_all_entries_in_key_order_by_default() {
    let Command::List(list) = command("list") else { panic!("a list") };
    let all = ListOptions {
        filter: Filter::default(),
        clients: false,
        sort: Sort::Key,
        reverse: false,
        limit: None,
    };
    assert_eq!(list, all);
}

#[test]
fn a_list_can_be_filtered_sorted_and_limited() {
    let words = "list --client=192.0.2.1 --network 192.0.2.77/24 --sender=Example.com \
                 --recipient=<B@Example.com> --state=waiting --sort=last --reverse --limit=5";
    let Command::List(list) = command(words) else { panic!("a list") };
    let filter = Filter {
        client: Some(ClientFilter::One([192, 0, 2, 1].into())),
        network: "192.0.2.0/24".parse().ok(),
        sender: Some(AddressFilter::Domain(b"example.com".to_vec())),
        recipient: Some(AddressFilter::One(b"b@example.com".to_vec())),
        state: Some(State::Waiting),
    };
    assert_eq!(list.filter, filter);
    assert_eq!((list.sort, list.reverse, list.limit), (Sort::Last, true, Some(5)));
}

#[test]
fn a_subject_is_a_triplet_a_client_or_a_domain() {
    let client = ClientFilter::One([192, 0, 2, 1].into());
    assert_eq!(
        command("forget 192.0.2.1"),
        Command::Forget(Target::Client(client.clone()), Extent::default())
    );
    let pool = ClientFilter::Domain(b"pool.test".to_vec());
    assert_eq!(
        command("forget Pool.test"),
        Command::Forget(Target::Client(pool.clone()), Extent::default())
    );
    let triplet = |sender: &str| Target::Triplet {
        client: client.clone(),
        sender: sender.into(),
        recipient: b"c@d.test".to_vec(),
    };
    assert_eq!(command("allow 192.0.2.1 a@b.test c@d.test"), Command::Allow(triplet("a@b.test")));
    assert_eq!(command("show 192.0.2.1 '' <c@d.test>"), Command::Show(triplet("")));
    let senders = |client| Target::Senders { client, domain: b"b.test".to_vec() };
    assert_eq!(command("allow --sender-domain=B.test"), Command::Allow(senders(None)));
    let words = "allow pool.test --sender-domain=@b.test";
    assert_eq!(command(words), Command::Allow(senders(Some(pool))));
}

#[test]
fn invalid_input_is_named() {
    for (line, part) in [
        (
            "list --client=mx.a.test",
            "list: --client must be an IP address or a registered domain, such as a.test, not \
             \"mx.a.test\"",
        ),
        ("list --network=192.0.2.0/33", "--network must be a network like 192.0.2.0/24"),
        ("list --state=new", "[possible values: waiting, passed, expired]"),
        ("list --sort=size", "[possible values: key, first, last]"),
        ("forget --client-only 192.0.2.1 a@b.test c@d.test", "--client-only goes with the address"),
        ("forget --client-only pool.test", "--client-only goes with the address"),
        ("list --limit=-1", "--limit"),
        ("list --clients --recipient=a@b", "with --clients there is no --recipient"),
        ("show", "name a CLIENT"),
        ("show mx", "CLIENT must be an IP address or a registered domain, not \"mx\""),
        ("show co.uk", "CLIENT must be an IP address or a registered domain, not \"co.uk\""),
        ("show 192.0.2.1 a@b.test", "the recipient is missing"),
        ("forget 192.0.2.1 a@b.test c@d --sender-domain=b.test", "either SENDER or"),
        ("forget --sender-domain=a@b.test", "--sender-domain must be a domain"),
        ("check --database --json", "--database goes with nothing but"),
        ("check --client=mx.test", "--client asks about a mail, which needs --address"),
        ("check --address=mx --sender= --recipient=a@b", "--address must be an IP address"),
        ("check --delay=many", "Value \"many\" invalid for option delay"),
        ("check --delay=60 more --privacy", "more is not an option"),
        ("backup", "FILE"),
        ("list --nonsense", "--nonsense"),
    ] {
        let message = refusal(line);
        assert!(message.contains(part), "{line}: {message}");
    }
}

#[test]
fn a_domain_holds_its_addresses_and_those_below_it() {
    for (who, address, is_in) in [
        ("example.com", "a@example.com", true),
        ("@example.com", "a@Example.COM", true),
        ("example.com", "a@mail.example.com", true),
        ("example.com", "a@badexample.com", false),
        ("example.com", "example.com", false),
        ("a@example.com", "A@example.com", true),
        ("a@example.com", "b@example.com", false),
        ("<>", "", true),
        ("", "a@b.test", false),
    ] {
        let addresses = AddressFilter::parse(who.as_bytes());
        assert_eq!(addresses.contain(address.as_bytes()), is_in, "{who} {address}");
    }
}

#[test]
fn every_command_explains_each_of_its_words_within_80_columns() {
    for mut command in commands() {
        let text = help::help(&mut command);
        assert!(text.starts_with(&format!("Usage: postgrey {} ", command.get_name())));
        for line in text.lines() {
            assert!(line.len() <= 80, "{line}");
        }
        for arg in command.get_arguments() {
            assert!(arg.get_help().is_some(), "{arg}");
            assert!(text.contains(&format!("  {}", help::names(arg))), "{arg}");
        }
    }
}

#[test]
fn a_check_takes_the_daemons_options_as_the_daemon_does() {
    assert_eq!(command("check --database --dbdir=/var/empty"), Command::CheckDatabase);
    let Command::Check(CheckOptions { words, defaults, mail: None }) =
        command("check --json -- -delay 60 --whitelist-clients=list")
    else {
        panic!("a check")
    };
    assert_eq!(words, ["--delay=60", "--whitelist-clients=list"]);
    assert_eq!(defaults, std::path::Path::new("/etc/default/postgrey"));
}

#[test]
fn a_shell_completes_the_values_of_options() {
    let commands = cli::commands();
    let list = commands[0].find_subcommand("list").expect("a command");
    let arg = |id: &str| list.get_arguments().find(|arg| arg.get_id() == id).expect("an option");
    let values = arg("state").get_possible_values();
    let values: Vec<&str> = values.iter().map(|value| value.get_name()).collect();
    assert_eq!(values, ["waiting", "passed", "expired"]);
    assert_eq!(arg("file").get_value_hint(), clap::ValueHint::AnyPath);
    assert_eq!(arg("dbdir").get_value_hint(), clap::ValueHint::DirPath);
}

#[test]
fn an_address_in_place_of_a_log_is_a_sender() {
    let Command::Explain(explain) = command("explain alice@example.com mail.log") else {
        panic!("an explanation")
    };
    assert_eq!(explain.filter.sender, Some(AddressFilter::One(b"alice@example.com".to_vec())));
    assert_eq!(explain.files, [std::path::PathBuf::from("mail.log")]);
    let Command::Explain(explain) = command("explain ./a@b.log") else { panic!("an explanation") };
    assert_eq!(explain.filter.sender, None);
    assert!(refusal("explain a@b.test --sender=c@d.test").contains("give one sender"));
}
