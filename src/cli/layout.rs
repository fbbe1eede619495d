//! Text in the 80 columns of a terminal.

/// Columns of a terminal.
pub const WIDTH: usize = 80;

/// Breaks `text` between words into lines, each after `indent` blanks.
pub(super) fn fill(text: &str, indent: usize) -> String {
    let indent = " ".repeat(indent);
    wrap(&text.split_whitespace().collect::<Vec<_>>().join(" "), &indent, &indent)
}

/// Breaks `text` between words into lines, the first after `first` and the others
/// after `indent`.
pub fn wrap(text: &str, first: &str, indent: &str) -> String {
    let options = textwrap::Options::new(WIDTH)
        .initial_indent(first)
        .subsequent_indent(indent)
        .break_words(false)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .wrap_algorithm(textwrap::WrapAlgorithm::FirstFit);
    textwrap::fill(text, options).trim_end().to_owned() + "\n"
}

/// A name at `indent` and its explanation at `column`, in the same line if the
/// name is short enough.
pub(super) fn item(name: &str, text: &str, indent: usize, column: usize) -> String {
    let mut lines = fill(text, column);
    let end = indent + name.len();
    if end < column {
        lines.replace_range(indent..end, name);
        lines
    } else {
        format!("{:indent$}{name}\n{lines}", "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words_before_column_81() {
        let forty = "x".repeat(40);
        let text = format!("{forty} {} {forty} y", "x".repeat(39));
        let lines = fill(&text, 0);
        let lengths: Vec<usize> = lines.lines().map(str::len).collect();
        assert_eq!(lengths, [80, 42]);
    }

    #[test]
    fn a_word_that_is_too_long_keeps_a_line_for_itself() {
        let long = "x".repeat(90);
        assert_eq!(fill(&format!("a {long} b"), 2), format!("  a\n  {long}\n  b\n"));
    }

    #[test]
    fn a_long_name_moves_its_explanation_to_the_next_line() {
        assert_eq!(item("-x", "short", 2, 8), "  -x    short\n");
        assert_eq!(item("--long", "text", 2, 8), "  --long\n        text\n");
    }
}
