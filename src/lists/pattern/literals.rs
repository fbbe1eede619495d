//! The literals that a pattern needs: a name with none of them does not match.

use regex_syntax::hir::{Hir, HirKind};

/// Literals in lower case; each match contains one of them, in any case.
pub(super) type AnyOf = Vec<Box<[u8]>>;

/// Bytes of a literal; of a longer one, the start or the end will do.
const MAX_LENGTH: usize = 32;

const MAX_ALTERNATIVES: usize = 64;

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
        HirKind::Concat(parts) => parts.iter().flat_map(needed).collect(),
        HirKind::Alternation(branches) => alternation(branches).into_iter().collect(),
        _ => Vec::new(),
    }
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
            (r"^(mx|smtp-out)7[.-]x", r#"[["mx", "smtp-out"], ["7"], ["x"]]"#),
            (r"(ab)+c?d*(e|f)(gh|)", r#"[["ab"]]"#),
            (r"^\d+$", "[]"),
        ] {
            let hir = regex_syntax::parse(pattern).unwrap();
            let text =
                |any_of: AnyOf| any_of.iter().map(|it| it.escape_ascii().to_string()).collect();
            let found: Vec<Vec<String>> = needed(&hir).into_iter().map(text).collect();
            assert_eq!(format!("{found:?}"), expected, "{pattern}");
        }
    }
}
