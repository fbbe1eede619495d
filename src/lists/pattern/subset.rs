//! The patterns that mean the same to Perl and to the `regex` crate.
//!
//! The subset is defined by what may occur: the crate accepts `a*+`, `[a&&b]`,
//! `[--a]`, `\<` or `\v` silently and with another meaning.

use regex_syntax::ast::parse::Parser;
use regex_syntax::ast::{
    AssertionKind, Ast, ClassAscii, ClassAsciiKind, ClassBracketed, ClassSet, ClassSetItem,
    GroupKind, Literal, LiteralKind, Repetition, RepetitionKind, RepetitionRange, Span,
};

use regex_syntax::hir::translate::TranslatorBuilder;

use super::dialect::MAX_REPEAT;
use super::literals::{self, AnyOf};

pub(super) struct Common {
    /// As the `regex` crate shall read it, case being ignored and Unicode off.
    pub(super) text: String,
    pub(super) size: u64,
    pub(super) literals: Vec<AnyOf>,
}

/// The pattern for the `regex` crate; `None` if it is not of the common subset.
pub(super) fn rewrite(pattern: &[u8]) -> Option<Common> {
    let pattern = std::str::from_utf8(pattern).ok().filter(|text| text.is_ascii())?;
    let ast = Parser::new().parse(pattern).ok()?;
    let mut walk = Walk { pattern, ends: Vec::new() };
    if !walk.is_common(&ast, true) {
        return None;
    }
    let mut translator = TranslatorBuilder::new().unicode(false).utf8(false).build();
    let literals = literals::needed(&translator.translate(pattern, &ast).ok()?);
    Some(Common { text: walk.rewritten(), size: size(&ast), literals })
}

/// Each repetition is a copy: `((a{100}){100}){100}` has a million states.
fn size(ast: &Ast) -> u64 {
    let sum = |parts: &[Ast]| parts.iter().map(size).fold(0, u64::saturating_add);
    match ast {
        Ast::Repetition(repetition) => {
            size(&repetition.ast).saturating_mul(u64::from(copies(&repetition.op.kind)))
        }
        Ast::Group(group) => size(&group.ast),
        Ast::Alternation(alternation) => sum(&alternation.asts),
        Ast::Concat(concat) => sum(&concat.asts),
        _ => 1,
    }
}

/// The number of copies of what is repeated.
fn copies(kind: &RepetitionKind) -> u32 {
    match kind {
        RepetitionKind::Range(RepetitionRange::Exactly(n) | RepetitionRange::Bounded(_, n)) => *n,
        RepetitionKind::Range(RepetitionRange::AtLeast(n)) => (*n).max(1),
        RepetitionKind::ZeroOrOne | RepetitionKind::ZeroOrMore | RepetitionKind::OneOrMore => 1,
    }
}

struct Walk<'p> {
    pattern: &'p str,
    /// The places of `$`.
    ends: Vec<Span>,
}

impl Walk<'_> {
    /// Perl's `$` also matches before a newline that ends the name. At the end of
    /// a pattern this is the same as an optional newline, which the crate
    /// supports; elsewhere `$` is not in the subset.
    fn rewritten(mut self) -> String {
        self.ends.sort_by_key(|span| span.start.offset);
        let mut text = String::with_capacity(self.pattern.len());
        let mut copied = 0;
        for span in self.ends {
            text.push_str(&self.pattern[copied..span.start.offset]);
            text.push_str(r"(?:\n?$)");
            copied = span.end.offset;
        }
        text.push_str(&self.pattern[copied..]);
        text
    }

    /// `at_end`: nothing of the pattern follows this part.
    fn is_common(&mut self, ast: &Ast, at_end: bool) -> bool {
        match ast {
            Ast::Empty(_) | Ast::Dot(_) | Ast::ClassPerl(_) => true,
            Ast::Literal(literal) => is_common_literal(literal),
            Ast::ClassBracketed(class) => is_common_class(class),
            Ast::Assertion(assertion) => match assertion.kind {
                AssertionKind::StartLine
                | AssertionKind::WordBoundary
                | AssertionKind::NotWordBoundary => true,
                AssertionKind::EndLine => {
                    self.ends.push(assertion.span);
                    at_end
                }
                _ => false,
            },
            Ast::Group(group) => {
                let is_plain = match &group.kind {
                    GroupKind::CaptureIndex(_) => true,
                    GroupKind::NonCapturing(flags) => flags.items.is_empty(),
                    GroupKind::CaptureName { .. } => false,
                };
                is_plain && self.is_common(&group.ast, at_end)
            }
            Ast::Repetition(repetition) => {
                self.is_common_repetition(repetition) && self.is_common(&repetition.ast, false)
            }
            Ast::Alternation(alternation) => {
                alternation.asts.iter().all(|branch| self.is_common(branch, at_end))
            }
            Ast::Concat(concat) => concat.asts.split_last().is_none_or(|(last, others)| {
                others.iter().all(|part| self.is_common(part, false))
                    && self.is_common(last, at_end)
            }),
            Ast::Flags(_) | Ast::ClassUnicode(_) => false,
        }
    }

    /// Written as Perl writes it, and not directly on another repetition.
    fn is_common_repetition(&self, repetition: &Repetition) -> bool {
        let operator = match repetition.op.kind {
            RepetitionKind::ZeroOrOne => "?".to_owned(),
            RepetitionKind::ZeroOrMore => "*".to_owned(),
            RepetitionKind::OneOrMore => "+".to_owned(),
            RepetitionKind::Range(RepetitionRange::Exactly(n)) => format!("{{{n}}}"),
            RepetitionKind::Range(RepetitionRange::AtLeast(n)) => format!("{{{n},}}"),
            RepetitionKind::Range(RepetitionRange::Bounded(n, m)) => format!("{{{n},{m}}}"),
        };
        let lazy = if repetition.greedy { "" } else { "?" };
        let span = repetition.op.span;
        self.pattern[span.start.offset..span.end.offset] == format!("{operator}{lazy}")
            && copies(&repetition.op.kind) <= MAX_REPEAT
            // `\b{2}` is a repeated place for the crate and unknown to Perl.
            && !matches!(*repetition.ast, Ast::Repetition(_) | Ast::Assertion(_))
    }
}

/// Returns true for a plain character and for escaped punctuation.
fn is_common_literal(literal: &Literal) -> bool {
    matches!(literal.kind, LiteralKind::Verbatim | LiteralKind::Meta | LiteralKind::Superfluous)
}

fn is_common_class(class: &ClassBracketed) -> bool {
    let ClassSet::Item(item) = &class.kind else {
        return false;
    };
    let items = match item {
        ClassSetItem::Union(union) => union.items.as_slice(),
        item => std::slice::from_ref(item),
    };
    let last = items.len().saturating_sub(1);
    // Perl reads `[--a]` and `[]-a]` as ranges, the crate does not.
    let hyphens = items.iter().enumerate().filter(|(_, item)| is_bare(item, '-'));
    hyphens.clone().count() <= 1
        && hyphens.clone().all(|(at, _)| at == 0 || at == last)
        && items.iter().all(is_common_item)
}

fn is_bare(item: &ClassSetItem, character: char) -> bool {
    matches!(item, ClassSetItem::Literal(literal)
        if literal.kind == LiteralKind::Verbatim && literal.c == character)
}

fn is_common_item(item: &ClassSetItem) -> bool {
    match item {
        ClassSetItem::Literal(literal) => {
            is_common_literal(literal) && !is_bare(item, ']') && !is_bare(item, '[')
        }
        ClassSetItem::Range(range) => {
            // `[@-[:x:]` is a range and some signs for the crate only.
            is_common_literal(&range.start) && is_common_literal(&range.end) && range.end.c != '['
        }
        ClassSetItem::Perl(_) => true,
        ClassSetItem::Ascii(class) => is_common_posix(class),
        _ => false,
    }
}

/// If case is ignored, Perl adds the other case before it negates a class, the
/// crate afterwards.
fn is_common_posix(class: &ClassAscii) -> bool {
    let is_cased = matches!(class.kind, ClassAsciiKind::Upper | ClassAsciiKind::Lower);
    !(class.negated && is_cased)
}
