//! The literals that a pattern needs: a name with none of them does not match.

use regex_syntax::hir::{Class, Hir, HirKind};

/// Literals in lower case; each match contains one of them, in any case.
pub(super) type AnyOf = Vec<Box<[u8]>>;

/// Bytes of a literal; of a longer one, the start or the end will do.
const MAX_LENGTH: usize = 32;

const MAX_ALTERNATIVES: usize = 64;

/// Bytes from which a literal is rare enough. Names hold most numbers of three digits.
const RARE_LENGTH: usize = 4;

/// Bytes of the largest class that is added to a shorter literal.
const MAX_CLASS: usize = 4;

/// The sets of literals that a pattern needs, in its order. Case has not been
/// ignored where the pattern was parsed: it would leave no literals.
pub(super) fn needed(pattern: &Hir) -> Vec<AnyOf> {
    match pattern.kind() {
        HirKind::Literal(literal) => {
            let literal = literal.0.to_ascii_lowercase();
            let start = &literal[..literal.len().min(MAX_LENGTH)];
            let end = &literal[literal.len().saturating_sub(MAX_LENGTH)..];
            let both = if start.len() < literal.len() { vec![start, end] } else { vec![start] };
            both.into_iter().map(|literal| vec![literal.into()]).collect()
        }
        HirKind::Capture(capture) => needed(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => needed(&repetition.sub),
        HirKind::Concat(parts) => {
            (0..parts.len()).flat_map(|at| needed_with_neighbours(parts, at)).collect()
        }
        HirKind::Alternation(branches) => alternation(branches).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// The sets of literals that a part of a sequence needs. A short literal is extended
/// by the parts next to it: a name may hold `7`, but seldom both sides of `[.-]7[.-]`.
fn needed_with_neighbours(parts: &[Hir], at: usize) -> Vec<AnyOf> {
    match parts[at].kind() {
        HirKind::Literal(literal) if literal.0.len() < RARE_LENGTH => {
            let before = at.checked_sub(1).and_then(|before| one_of_few(&parts[before]));
            let after = parts.get(at + 1).and_then(one_of_few);
            let (before, after) = (alternatives(before), alternatives(after));
            let each = before.iter().flat_map(|before| {
                after.iter().map(move |after| [before, &*literal.0, after].concat())
            });
            vec![each.map(|literal| literal.to_ascii_lowercase().into()).collect()]
        }
        _ => needed(&parts[at]),
    }
}

/// The bytes of which one begins and one ends each match of a part, if they are few.
fn one_of_few(part: &Hir) -> Option<Vec<u8>> {
    match part.kind() {
        HirKind::Class(class) => {
            let bytes = match class {
                Class::Bytes(bytes) => bytes.clone(),
                Class::Unicode(characters) => characters.to_byte_class()?,
            };
            let bytes = bytes.iter().flat_map(|range| range.start()..=range.end());
            let bytes: Vec<u8> = bytes.take(MAX_CLASS + 1).collect();
            (bytes.len() <= MAX_CLASS).then_some(bytes)
        }
        HirKind::Capture(capture) => one_of_few(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => one_of_few(&repetition.sub),
        _ => None,
    }
}

/// Literals of one byte each, or an empty one if any byte may be there.
fn alternatives(bytes: Option<Vec<u8>>) -> Vec<Vec<u8>> {
    bytes.map_or(vec![Vec::new()], |bytes| bytes.into_iter().map(|byte| vec![byte]).collect())
}

/// One set for all branches; `None` if a branch needs nothing.
fn alternation(branches: &[Hir]) -> Option<AnyOf> {
    let mut all = Vec::new();
    for branch in branches {
        all.extend(needed(branch).into_iter().max_by_key(shortest)?);
        if all.len() > MAX_ALTERNATIVES {
            return None;
        }
    }
    Some(all)
}

/// The length of the shortest literal.
pub(super) fn shortest(any_of: &AnyOf) -> usize {
    any_of.iter().map(|literal| literal.len()).min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_match_of_a_pattern_holds_one_of_its_literals() {
        for (pattern, expected) in [
            (r"\.Dom7\.com$", r#"[[".dom7.com"]]"#),
            (r"^dsl7-\d+\.", r#"[["dsl7-"], ["."]]"#),
            (r"(^|\.)dom7\.(com|net)$", r#"[["dom7."], ["com", "net"]]"#),
            (r"^(mx|smtp-out)7[.-]x", r#"[["mx", "smtp-out"], ["7-", "7."], ["-x", ".x"]]"#),
            (r"(ab)+c?d*(e|f)(gh|)", r#"[["ab"]]"#),
            (r"^\d+$", "[]"),
            (r"\d[.-]7[.-]\d", r#"[["-7-", "-7.", ".7-", ".7."]]"#),
            (r"([.-])+17[AB]\d", r#"[["-17a", "-17b", ".17a", ".17b"]]"#),
            (r"[.-]*7[a-e]", r#"[["7"]]"#),
            (r"[.-]1234[.-]", r#"[["1234"]]"#),
        ] {
            let hir = regex_syntax::parse(pattern).unwrap();
            let text =
                |any_of: AnyOf| any_of.iter().map(|it| it.escape_ascii().to_string()).collect();
            let found: Vec<Vec<String>> = needed(&hir).into_iter().map(text).collect();
            assert_eq!(format!("{found:?}"), expected, "{pattern}");
        }
    }
}
