//! The meaning of the lines of a request (BEHAVIOUR D2 to D5).

use crate::case::{case, differs};
use crate::database::Table;
use crate::mail::{GREYLISTED, KEY, MAIL, greylist, mail, pass, passed};
use crate::server::{CLOSED, Server};
use testkit::namespace::{OWN_ADDRESS, in_own_network};
use testkit::{Listener, free_port, start_of_time};

/// The replies to the usual request with more lines at its end.
fn with_lines(server: &Server, lines: &[u8]) -> Vec<String> {
    let mut bytes = mail().at(0).bytes();
    bytes.pop();
    server.exchange([&bytes, lines, b"\n\n"].concat())
}

#[test]
fn a_line_is_a_name_and_a_value_around_the_first_equals_sign() {
    // A line after those of the usual request, and the recipient's domain then.
    let table: &[(&[u8], &str)] = &[
        (b"recipient=eve@duplicate", "duplicate"),
        (b"=recipient=eve@equals", "equals"),
        (b"==recipient=eve@more.equals", "more.equals"),
        (b"recipient==eve@value", "value"),
        (b"recipient=a=b", "a=b"),
        (b"recipient=", ""),
        (b"recipient= eve@blank ", "blank "),
        (b"Recipient=eve@upper", "example.org"),
        (b"recipient =eve@blank", "example.org"),
        (b" recipient=eve@blank", "example.org"),
        (b"xrecipient=eve@other", "example.org"),
        (b"unknown=1", "example.org"),
        (b"\xff\0=1", "example.org"),
        (b"recipient=eve@\0\x01\xff\xc3\xa9\t", "\\x00\\x01\\xff\\xc3\\xa9\\t"),
    ];
    case(|run| {
        let server = run.start(&["--greylist-text=%r"]);
        for (line, domain) in table {
            let what = format!("with {}", line.escape_ascii());
            let reply = format!("DEFER_IF_PERMIT {domain}");
            run.expect(what, with_lines(&server, line), reply);
        }
    });
}

#[test]
fn values_are_cut_to_512_bytes() {
    case(|run| {
        let server = run.start(&["--greylist-text=%r"]);
        for (length, kept) in [(510, 510), (512, 512), (513, 512), (2_000, 512)] {
            let line = format!("recipient={}", "r".repeat(length));
            let reply = format!("DEFER_IF_PERMIT {}", "r".repeat(kept));
            let what = format!("{length} bytes");
            run.expect(what, with_lines(&server, line.as_bytes()), reply);
        }
        let cut_before_the_domain = format!("recipient={}@domain", "r".repeat(511));
        let reply = with_lines(&server, cut_before_the_domain.as_bytes());
        run.expect("a cut address", reply, "DEFER_IF_PERMIT ");
    });
}

#[test]
fn lines_without_a_name_and_a_value_are_logged_and_passed_over() {
    let long = "g".repeat(150);
    let table = [
        ("garbage", "garbage"),
        ("=value", "=value"),
        ("==", "=="),
        ("=", "="),
        ("   ", "   "),
        ("\0\t\u{e9}", "%00%09%C3%A9"),
        (&long, &long[..100]),
    ];
    case(|run| {
        let server = run.start(&[]);
        for (line, _) in table {
            run.expect(line, with_lines(&server, line.as_bytes()), GREYLISTED);
        }
        let log = table
            .map(|(_, shown)| format!("ignoring garbage: <{shown}>\n{}", greylist("new", MAIL)));
        let _ = server.stop().log(log);
    });
}

#[test]
fn requests_of_other_types_get_no_reply() {
    let table = [
        ("request=junk\n\n", "junk"),
        ("\n", ""),
        ("protocol_state=RCPT\n\n", ""),
        ("request=\n\n", ""),
        ("request=SMTPD_ACCESS_POLICY\n\n", "SMTPD_ACCESS_POLICY"),
        ("request= smtpd_access_policy\n\n", " smtpd_access_policy"),
        ("request=smtpd_access_policy\nrequest=x\n\n", "x"),
    ];
    case(|run| {
        let server = run.start(&[]);
        let usual = String::from_utf8(mail().at(0).bytes()).expect("ASCII");
        for (request, _) in table {
            run.expect(request, server.exchange(request), "");
            let with_another = format!("{request}{usual}");
            let replies = server.exchange(with_another);
            run.expect("the next request", replies, GREYLISTED);
        }
        let log = table.map(|(_, kind)| {
            let refused = format!("unrecognized request type: '{kind}'");
            format!("{refused}\n{refused}\n{}", greylist("new", MAIL))
        });
        let _ = server.stop().log(log);
    });
}

#[test]
fn the_first_attribute_that_is_missing_is_named_and_mail_passes() {
    let table: &[(&[&str], &str)] = &[
        (&["client_address", "client_name", "recipient", "sender"], "client_address"),
        (&["client_name", "recipient", "sender"], "client_name"),
        (&["recipient", "sender"], "recipient"),
        (&["sender"], "sender"),
        (&["client_address"], "client_address"),
    ];
    case(|run| {
        let mut server = run.start(&[]);
        for (missing, _) in table {
            let attempt = missing.iter().fold(mail(), |mail, name| mail.without(name));
            server.ask(&attempt.at(0), "DUNNO");
        }
        let lines = table.iter().map(|(_, name)| format!("attribute missing: {name}"));
        let left = server.stop().log(lines.collect::<Vec<_>>());
        let _ = left.triplets("");
    });
}

#[test]
fn empty_attributes_are_not_missing() {
    case(|run| {
        let mut server = run.start(&[]);
        let bounce = mail().with("sender", "");
        server.ask(&bounce.at(0), GREYLISTED);
        let nobody = mail().with("recipient", "");
        let no_domain = GREYLISTED.replace("example.org", "");
        server.ask(&nobody.at(0), no_domain);
        let nameless = mail().with("client_name", "");
        server.ask(&nameless.at(0), GREYLISTED);
        let without = |field: &str| {
            let fields = MAIL.split(", ").filter(|known| !known.starts_with(field));
            greylist("new", &fields.collect::<Vec<_>>().join(", "))
        };
        let log = [without("sender"), without("recipient"), without("client_name")];
        let _ = server.stop().log(log).triplets([
            "192.0.2.0//bob@example.org +0,+0".to_string(),
            "192.0.2.0/alice@example.com/ +0,+0".to_string(),
            format!("{KEY} +0,+0"),
        ]);
    });
}

#[test]
fn invalid_client_address_passes() {
    let addresses = [
        "unknown",
        "",
        "999.1.1.1",
        "1.2.3.4.5",
        "1.2.3.4:25",
        "fe80::1%eth0",
        "IPv6:2001:db8::1",
        "1::2::3",
        " 1.2.3.4",
        "0x7f000001",
    ];
    case(|run| {
        for address in addresses {
            let mut server = run.start(&[]);
            let attempt = mail().with("client_address", address).at(0);
            server.ask(&attempt, differs("X1", CLOSED, "DUNNO"));
            let died = "Can't call method \"addr\" on an undefined value \
                 at /usr/sbin/postgrey line 368.";
            let warning = format!("client_address is not an IP address: {address}");
            let left = server.stop().log(differs("X1", died, warning));
            let _ = left.status(differs("X1", "failure", "exit status: 0"));
        }
    });
}

#[test]
fn only_literal_addresses_are_addresses() {
    // The result of the original.
    let table = [
        ("1.2.3", "1.2.0.0"),
        ("1.2", "1.0.0.0"),
        ("16909060", "1.2.3.0"),
        ("-1", "255.255.255.0"),
        ("01.02.03.04", "1.2.3.0"),
        ("010.020.030.040", "8.16.24.0"),
        ("1.2.3.4/24", "1.2.3.0"),
        ("[2001:db8::1]", "2001:db8:0:0:0:0:0:0"),
        ("any", "0.0.0.0"),
        ("loopback", "127.0.0.0"),
        ("localhost", "127.0.0.0"),
    ];
    case(|run| {
        let mut server = run.start(&[]);
        for (n, (address, _)) in table.iter().enumerate() {
            let attempt = mail().with("client_address", address);
            let attempt =
                attempt.with("sender", "").with("recipient", format!("{n:02}@example.org"));
            server.ask(&attempt.at(0), differs("X1", GREYLISTED, "DUNNO"));
        }
        let shown = |n: usize, address: &str| {
            let rest = format!("client_name=mx.example.com, client_address={address}");
            greylist("new", &format!("{rest}, recipient={n:02}@example.org"))
        };
        let rows = table.iter().enumerate();
        let theirs: Vec<_> = rows.clone().map(|(n, (address, _))| shown(n, address)).collect();
        let ours =
            table.map(|(address, _)| format!("client_address is not an IP address: {address}"));
        let mut keys: Vec<_> =
            rows.map(|(n, (_, net))| format!("{net}//{n:02}@example.org +0,+0")).collect();
        keys.sort();
        let left = server.stop().log(differs("X1", theirs, ours));
        let _ = left.triplets(differs("X1", keys, ""));
    });
}

#[test]
fn the_queue_id_stands_first_in_the_log() {
    case(|run| {
        let mut server = run.start(&[]);
        for id in ["4F0A1C2B3D", "", "0", "4Vx0Qz1Wzz"] {
            server.ask(&mail().with("queue_id", id).at(0), GREYLISTED);
        }
        let line = greylist("new", MAIL);
        let _ = server.stop().log([
            format!("4F0A1C2B3D: {line}"),
            line.clone(),
            line.clone(),
            format!("4Vx0Qz1Wzz: {line}"),
        ]);
    });
}

#[test]
fn fields_that_are_empty_or_zero_are_not_logged() {
    case(|run| {
        let mut server = run.start(&[]);
        let zero = ["client_name", "sender", "recipient"]
            .iter()
            .fold(mail(), |mail, name| mail.with(name, "0"));
        let reply = GREYLISTED.replace("example.org", "0");
        server.ask(&zero.at(0), reply);
        let _ = server.stop().log(greylist("new", "client_address=192.0.2.7"));
    });
}

#[test]
fn postfix_gets_a_status_code_that_exchange_understands() {
    let table = [
        ("--greylist-text=Later", "4.2.0 Later"),
        ("--greylist-text=450 Later", "450 Later"),
        ("--greylist-text=%s", "4.2.0 300"),
    ];
    case(|run| {
        for (option, reply) in table {
            let mut server = run.start(&[option]);
            let reply = format!("DEFER_IF_PERMIT {reply}");
            let postfix = mail().with("etrn_domain", "");
            server.ask(&postfix.at(0), reply.clone());
            server.ask(&mail().at(0), reply.replace("4.2.0 ", ""));
        }
    });
}

#[test]
fn each_message_gets_one_header() {
    case(|run| {
        let mut server = run.start(&["--delay=-1", "--auto-whitelist-clients=0"]);
        let mut recipients = 0..;
        let mut first_pass_of = |instance: &str| {
            let recipient = format!("r{}@example.org", recipients.next().unwrap_or(0));
            mail().with("recipient", recipient).with("instance", instance).at(0)
        };
        server.ask(&first_pass_of("a.1"), passed(0));
        server.ask(&first_pass_of("a.1"), "DUNNO");
        server.ask(&first_pass_of("b.1"), passed(0));
        server.ask(&first_pass_of("a.1"), "DUNNO");
        server.ask(&first_pass_of("0"), "DUNNO");
        server.ask(&first_pass_of(""), passed(0));
        server.ask(&first_pass_of(""), "DUNNO");
        for n in 0..8 {
            server.ask(&first_pass_of(&format!("c.{n}")), passed(0));
        }
        // Ten are remembered; eight, the empty one and b.1 are the latest.
        server.ask(&first_pass_of("b.1"), "DUNNO");
        server.ask(&first_pass_of("a.1"), passed(0));
        server.ask(&first_pass_of("b.1"), passed(0));
    });
}

#[test]
fn a_header_that_another_recipient_got_leaves_no_delay_in_the_log() {
    case(|run| {
        let mut server = run.start(&["--delay=-1"]);
        let message = mail().with("instance", "a.1");
        server.ask(&message.clone().at(0), passed(0));
        let second = message.with("recipient", "carol@example.org");
        server.ask(&second.at(0), "DUNNO");
        let _ = server.stop().log([
            pass("triplet found, delay=0", MAIL),
            pass("triplet found", &MAIL.replace("bob@", "carol@")),
        ]);
    });
}

#[test]
fn without_an_instance_every_first_pass_gets_a_header() {
    case(|run| {
        let mut server = run.start(&["--delay=-1"]);
        for recipient in ["a@example.org", "b@example.org"] {
            server.ask(&mail().with("recipient", recipient).at(0), passed(0));
        }
    });
}

#[test]
fn an_invalid_test_time_is_ignored() {
    case(|run| {
        let mut server = run.start(&[]);
        server.ask(&mail().with("policy_test_time", "abc"), GREYLISTED);
        let left = server.stop();
        let is_stored = left.rows(Table::Triplets) == [format!("{KEY} abc,abc")];
        let stored = differs("X2", "true", "false");
        run.expect("stored as it is", is_stored.to_string(), stored);
        let warning = "Argument \"abc\" isn't numeric in subtraction (-) \
             at /usr/sbin/postgrey line 429.";
        let ours = "ignoring invalid policy_test_time: abc";
        let new = greylist("new", MAIL);
        let log = differs("X2", [warning, warning, &new], [ours, &new]);
        let _ = left.log(log).ignore("triplets");
    });
}

#[test]
fn a_test_time_of_another_machine_is_ignored() {
    in_own_network(|| {
        let address = format!("{OWN_ADDRESS}:{}", free_port());
        case(|run| {
            let mut server = run.start_with(|builder| builder.on(Listener::Tcp(address.clone())));
            server.ask(&mail().at(0), GREYLISTED);
            server.ask(&mail().at(300), differs("X98", passed(300), GREYLISTED));
            let _ = server.stop().ignore("log").ignore("triplets").ignore("clients");
        });
    });
}

#[test]
fn the_request_of_postfix_is_understood() {
    let request = format!(
        "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n\
         client_address=2001:db8::7\nclient_name=unknown\nclient_port=51404\n\
         reverse_client_name=unknown\nserver_address=2001:db8::25\nserver_port=25\n\
         helo_name=mx.example.com\nsender=alice+1@example.com\nrecipient=a b@example.org\n\
         recipient_count=0\nqueue_id=\ninstance=4a5b.6c7d.0\nsize=1024\netrn_domain=\n\
         stress=\nsasl_method=\nsasl_username=\nsasl_sender=\nccert_subject=\n\
         ccert_issuer=\nccert_fingerprint=\nccert_pubkey_fingerprint=\n\
         encryption_protocol=TLSv1.3\nencryption_cipher=TLS_AES_256_GCM_SHA384\n\
         encryption_keysize=256\npolicy_context=\npolicy_test_time={}\n\n",
        start_of_time()
    );
    case(|run| {
        let server = run.start(&[]);
        let reply = GREYLISTED.replace("Greylisted", "4.2.0 Greylisted");
        run.expect("reply", server.exchange(&request), reply);
        let left = server.stop().log(greylist(
            "new",
            "client_name=unknown, client_address=2001:db8::7, \
             sender=alice+1@example.com, recipient=a b@example.org",
        ));
        let _ = left.triplets("2001:db8:0:0:0:0:0:0/alice@example.com/a b@example.org +0,+0");
    });
}
