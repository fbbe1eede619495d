//! Which groups there are, and whether what is referred to is safe to refer to.

/// The capturing groups of a pattern, and who refers to them.
#[derive(Debug, Default)]
pub(super) struct Captures {
    /// Groups opened so far; in a branch of `(?|…)` the branch's.
    count: u32,
    names: Vec<(String, u32)>,
    /// Groups that a round of their repetition may leave out.
    optional: Vec<u32>,
    /// Groups that keep another round's match in PCRE2 and lose it in Perl.
    unstable: Vec<u32>,
    references: Vec<Reference>,
}

/// What a back-reference or a condition asks for.
#[derive(Debug)]
pub(super) enum Reference {
    Number(u32),
    Name(String),
}

impl Captures {
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Goes back to the count of a branch's start.
    pub(super) fn reset(&mut self, count: u32) {
        self.count = count;
    }

    /// Opens a group and says its number.
    pub(super) fn open(&mut self, name: Option<&str>) -> u32 {
        self.count += 1;
        if let Some(name) = name {
            self.names.push((name.to_owned(), self.count));
        }
        self.count
    }

    pub(super) fn has_names(&self) -> bool {
        !self.names.is_empty()
    }

    pub(super) fn refer(&mut self, reference: Reference) {
        self.references.push(reference);
    }

    /// Notes a quantifier on something with the groups after `before` in it, of
    /// which `own` is the thing itself.
    pub(super) fn quantified(
        &mut self,
        before: u32,
        own: Option<u32>,
        is_optional: bool,
        is_repeated: bool,
    ) {
        let inside = before + 1..=self.count;
        if is_repeated {
            let unstable = self.optional.iter().copied();
            self.unstable
                .extend(unstable.filter(|&group| inside.contains(&group) && Some(group) != own));
        }
        if is_optional {
            self.optional.extend(inside);
        }
    }

    /// Refuses references to groups of which Perl forgets and PCRE2 remembers
    /// the last match: `^(?:(a)?b)+\1$` on `abba`.
    pub(super) fn check(&self) -> Result<(), String> {
        let is_unstable = |reference: &Reference| match reference {
            Reference::Number(number) => self.unstable.contains(number),
            Reference::Name(name) => self
                .names
                .iter()
                .any(|(known, number)| known == name && self.unstable.contains(number)),
        };
        if self.references.iter().any(is_unstable) {
            return Err("it refers to an optional group that is repeated, and Perl is not clear \
                        about what that holds"
                .to_owned());
        }
        Ok(())
    }
}
