//! The text of Berkeley DB's `db_dump -p`, which its `db_load` reads
//! (BEHAVIOUR G): a few header lines, then a line for each key and one for its
//! value, printable bytes as they are.

mod read;

pub use read::{from_hexadecimal, is_dump, read};

use std::io::{self, Write};

const HEADER_END: &str = "HEADER=END";
const DATA_END: &str = "DATA=END";

/// Writes the header. A `name` makes the text one of several
/// databases of one file.
pub fn write_header(out: &mut impl Write, name: Option<&str>) -> io::Result<()> {
    out.write_all(b"VERSION=3\nformat=print\n")?;
    if let Some(name) = name {
        writeln!(out, "database={name}")?;
    }
    writeln!(out, "type=btree\ndb_pagesize=4096\n{HEADER_END}")
}

pub fn write_row(out: &mut impl Write, key: &[u8], value: &[u8]) -> io::Result<()> {
    write_field(out, key)?;
    write_field(out, value)
}

pub fn write_end(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{DATA_END}")
}

fn write_field(out: &mut impl Write, field: &[u8]) -> io::Result<()> {
    out.write_all(b" ")?;
    for run in field.chunk_by(|left, right| is_plain(*left) && is_plain(*right)) {
        match run {
            b"\\" => out.write_all(b"\\\\")?,
            [byte] if !is_plain(*byte) => write!(out, "\\{byte:02x}")?,
            run => out.write_all(run)?,
        }
    }
    out.write_all(b"\n")
}

/// Returns true if a byte is written unescaped.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'\\'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_looks_like_that_of_db_dump() {
        let mut text = Vec::new();
        write_header(&mut text, None).unwrap();
        write_row(&mut text, b"1.2.3.0/a@b/c@d", b"100,200").unwrap();
        write_row(&mut text, b"back\\slash/\xc3\x89 \n\x7f~/", b"5,").unwrap();
        write_row(&mut text, b"", b"").unwrap();
        write_end(&mut text).unwrap();
        let expected = "VERSION=3\nformat=print\ntype=btree\ndb_pagesize=4096\nHEADER=END\n \
                        1.2.3.0/a@b/c@d\n 100,200\n back\\\\slash/\\c3\\89 \\0a\\7f~/\n 5,\n \n \n\
                        DATA=END\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    #[test]
    fn one_database_of_several_is_named_in_its_header() {
        let mut text = Vec::new();
        write_header(&mut text, Some("clients")).unwrap();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "VERSION=3\nformat=print\ndatabase=clients\ntype=btree\ndb_pagesize=4096\nHEADER=END\n"
        );
    }
}
