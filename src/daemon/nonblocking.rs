//! Reading and writing of sockets that do not block.

use std::io::{self, ErrorKind};

/// Returns `None` where a socket has to be waited for.
pub fn unless_blocked<T>(mut action: impl FnMut() -> io::Result<T>) -> io::Result<Option<T>> {
    loop {
        match action() {
            Ok(value) => return Ok(Some(value)),
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => {}
                ErrorKind::WouldBlock | ErrorKind::NotConnected => return Ok(None),
                _ => return Err(error),
            },
        }
    }
}

/// Writes as much as the socket accepts now, and removes it from the bytes. Returns
/// true if none is left.
pub fn write_out(
    bytes: &mut Vec<u8>,
    mut write: impl FnMut(&[u8]) -> io::Result<usize>,
) -> io::Result<bool> {
    while !bytes.is_empty() {
        match unless_blocked(|| write(bytes))? {
            Some(0) => return Err(ErrorKind::WriteZero.into()),
            Some(count) => drop(bytes.drain(..count)),
            None => return Ok(false),
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unwritten_bytes_remain() {
        let mut bytes = b"abcdef".to_vec();
        let mut results = vec![
            Err(ErrorKind::WouldBlock.into()),
            Ok(1),
            Err(ErrorKind::Interrupted.into()),
            Ok(2),
        ];
        let written = write_out(&mut bytes, |_| results.pop().expect("a result"));
        assert!(matches!(written, Ok(false)));
        assert_eq!(bytes, b"def");
        let written = write_out(&mut bytes, |bytes| Ok(bytes.len()));
        assert!(matches!(written, Ok(true)));
        assert_eq!(bytes, b"");
        assert!(write_out(&mut vec![1], |_| Ok(0)).is_err());
    }
}
