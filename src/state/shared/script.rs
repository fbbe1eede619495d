//! The script that changes records if they are still as they were read.

use super::link::Command;
use super::names::slot;
use super::resp;
use std::sync::LazyLock;

/// Changes the records of a decision if all still have the values that were read.
/// Arguments: the value read of each key; then the new value and lifetime in seconds of
/// each key (0 deletes the key, empty leaves it). Returns 1, or the present values if
/// one differs.
const SCRIPT: &str = "\
local values = redis.call('MGET', unpack(KEYS))
local n = #KEYS
for i = 1, n do
  if (values[i] or '') ~= ARGV[i] then return values end
end
for i = 1, n do
  local value, seconds = ARGV[n + 2 * i - 1], ARGV[n + 2 * i]
  if seconds == '0' then
    redis.call('DEL', KEYS[i])
  elseif seconds ~= '' then
    redis.call('SET', KEYS[i], value, 'EX', seconds)
  end
end
return 1";

/// The name under which servers keep the script.
static HASH: LazyLock<String> =
    LazyLock::new(|| sha1_smol::Sha1::from(SCRIPT).digest().to_string());

/// How a record changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Change {
    #[default]
    None,
    /// It is set, and lives for some seconds.
    Set(Vec<u8>, i64),
    Delete,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    slot: u16,
    /// Everything after the script.
    arguments: Vec<Vec<u8>>,
}

impl Call {
    /// The call for records with these names, of which this was read, and their
    /// changes.
    pub fn new(names: &[&Vec<u8>], known: &[&[u8]], changes: &[Change]) -> Call {
        let mut arguments = vec![names.len().to_string().into_bytes()];
        arguments.extend(names.iter().map(|name| name.to_vec()));
        arguments.extend(known.iter().map(|value| value.to_vec()));
        for change in changes {
            let (value, seconds) = match change {
                Change::None => (Vec::new(), String::new()),
                Change::Set(value, seconds) => (value.clone(), seconds.to_string()),
                Change::Delete => (Vec::new(), "0".to_owned()),
            };
            arguments.extend([value, seconds.into_bytes()]);
        }
        Call { slot: names.first().map_or(0, |name| slot(name)), arguments }
    }

    /// The command for a server that has the script.
    pub fn by_hash(&self) -> Command {
        self.command(b"EVALSHA", HASH.as_bytes())
    }

    /// The command for a server that does not have it yet, and keeps it then.
    pub fn with_script(&self) -> Command {
        self.command(b"EVAL", SCRIPT.as_bytes())
    }

    fn command(&self, verb: &[u8], script: &[u8]) -> Command {
        let arguments = self.arguments.iter().map(Vec::as_slice);
        let words: Vec<&[u8]> = [verb, script].into_iter().chain(arguments).collect();
        Command { slot: self.slot, bytes: resp::encode(words) }
    }
}
