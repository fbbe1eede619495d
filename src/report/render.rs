//! The report as text, to the byte as the original's (BEHAVIOUR H4).

use super::lost::LostMail;
use crate::cli::{DnsCheck, Shown};
use std::io::{self, Write};

/// The sender of bounces, so that every line has all columns.
const NO_SENDER: &[u8] = b"<>";

/// Writes all mails, which are in the order of their clients.
pub fn report(mails: &[LostMail], shown: &Shown, out: &mut impl Write) -> io::Result<()> {
    let mut last = None;
    for mail in mails {
        out.write_all(separator(shown, last, mail))?;
        if shown.single_line {
            line(mail, shown, out)?;
        } else {
            grouped(mail, last, shown, out)?;
        }
        last = Some(mail);
    }
    Ok(())
}

/// The separator before a mail that starts a network or a client.
fn separator<'s>(shown: &'s Shown, last: Option<&LostMail>, mail: &LostMail) -> &'s [u8] {
    let is_new_client = last.is_none_or(|last| last.client != mail.client);
    if last.is_some_and(|last| last.network() == mail.network()) {
        return if is_new_client { &shown.separate_by_ip } else { b"" };
    }
    if shown.separate_by_subnet.is_empty() {
        &shown.separate_by_ip
    } else {
        &shown.separate_by_subnet
    }
}

fn line(mail: &LostMail, shown: &Shown, out: &mut impl Write) -> io::Result<()> {
    let (tries, check, address) = (mail.tries.to_string(), check(mail), mail.client.to_string());
    let end: &[u8] = if shown.tab { b"\t" } else { b" " };
    let columns: [(bool, &[u8], usize); 6] = [
        (shown.time, &mail.time, 0),
        (shown.tries, tries.as_bytes(), 0),
        (shown.check, check.as_bytes(), 5),
        (true, address.as_bytes(), 15),
        (true, &mail.name, 0),
        (true, sender(mail), 0),
    ];
    for (_, text, width) in columns.into_iter().filter(|(is_shown, ..)| *is_shown) {
        right(text, if shown.tab { 0 } else { width }, out)?;
        out.write_all(end)?;
    }
    out.write_all(&mail.recipient)?;
    out.write_all(b"\n")
}

fn grouped(
    mail: &LostMail,
    last: Option<&LostMail>,
    shown: &Shown,
    out: &mut impl Write,
) -> io::Result<()> {
    if last.is_none_or(|last| last.client != mail.client) {
        out.write_all(&mail.name)?;
        right(b"", 77_usize.saturating_sub(mail.name.len()), out)?;
        out.write_all(b" ")?;
        right(mail.client.to_string().as_bytes(), 15, out)?;
        out.write_all(b"\n")?;
    }
    if shown.check {
        right(check(mail).as_bytes(), 5, out)?;
        out.write_all(b" ")?;
    } else {
        out.write_all(b"      ")?;
    }
    if shown.tries {
        write!(out, " {:>2} ", mail.tries)?;
    } else {
        out.write_all(b"    ")?;
    }
    for address in [sender(mail), &mail.recipient] {
        out.write_all(b" ")?;
        right(address, 40, out)?;
        out.write_all(b" ")?;
    }
    out.write_all(b"\n")
}

fn check(mail: &LostMail) -> String {
    mail.check.map(DnsCheck::word).unwrap_or_default().to_ascii_uppercase()
}

fn sender(mail: &LostMail) -> &[u8] {
    if mail.sender.is_empty() { NO_SENDER } else { &mail.sender }
}

/// Writes a text right-aligned in a column of `width` bytes.
fn right(text: &[u8], width: usize, out: &mut impl Write) -> io::Result<()> {
    write!(out, "{:1$}", "", width.saturating_sub(text.len()))?;
    out.write_all(text)
}
