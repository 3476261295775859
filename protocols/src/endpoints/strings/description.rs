//! Endpoint strings taken apart: fields, keywords and quoting.

use std::collections::VecDeque;
use std::fmt::Write;
use std::str::FromStr;

use super::DescriptionError;

/// One field of an endpoint string.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Field {
    /// What stands before the first equals sign, if there is one.
    keyword: Option<String>,
    /// The rest, or all.
    value: String,
    /// Where it begins in the text, in bytes.
    position: usize,
    /// Where its value begins.
    value_position: usize,
}

/// Takes a text apart at its colons.
///
/// A field with an equals sign has a keyword before it, and only the first equals sign counts. A backslash makes the
/// character after it plain.
///
/// # Errors
///
/// If nothing follows the last backslash.
fn fields(text: &str) -> Result<Vec<Field>, DescriptionError> {
    let mut fields = vec![Field::at(0)];
    let mut characters = text.char_indices();
    while let Some((position, character)) = characters.next() {
        let after = position + character.len_utf8();
        let field = fields.last_mut().expect("there is one from the beginning");
        match character {
            ':' => fields.push(Field::at(after)),
            '=' if field.keyword.is_none() => {
                field.keyword = Some(std::mem::take(&mut field.value));
                field.value_position = after;
            }
            '\\' => match characters.next() {
                Some((_, plain)) => field.value.push(plain),
                None => return Err(DescriptionError::NothingQuoted { position }),
            },
            _ => field.value.push(character),
        }
    }
    Ok(fields)
}

impl Field {
    const fn at(position: usize) -> Self {
        Self {
            keyword: None,
            value: String::new(),
            position,
            value_position: position,
        }
    }
}

/// Puts a backslash before each character that has a meaning in endpoint strings.
///
/// ```
/// use protocols::endpoints::quote;
///
/// assert_eq!(format!("tcp:{}:80", quote("::1")), r"tcp:\:\:1:80");
/// ```
///
/// *Twisted's `quoteStringArgument`.*
#[must_use]
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, ':' | '=' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted
}

/// The arguments in an endpoint string, for the kind of endpoint that it names.
///
/// A kind takes its arguments by name, in the order in which they may be given without a name. When it has
/// returned, none may be left.
#[derive(Debug, Clone)]
pub struct Arguments {
    kind: String,
    /// Those without a name that were not taken.
    positional: VecDeque<Field>,
    /// Those with a name that were not taken.
    named: Vec<Field>,
    /// How long the text is.
    end: usize,
    /// What stands after the kind, as it was written.
    rest: String,
}

impl Arguments {
    /// Takes an endpoint string apart.
    ///
    /// # Errors
    ///
    /// If nothing follows the last backslash.
    pub(super) fn of(text: &str) -> Result<Self, DescriptionError> {
        let mut rest = String::new();
        let (named, mut positional): (Vec<_>, VecDeque<_>) = {
            let fields = fields(text)?;
            if let Some(second) = fields.get(1) {
                rest = text[second.position..].to_owned();
            }
            let (named, positional): (Vec<_>, Vec<_>) = fields
                .into_iter()
                .partition(|field| field.keyword.is_some());
            (named, positional.into())
        };
        // The kind is the first field, and no other.
        let kind = match positional.front() {
            Some(field) if field.position == 0 => positional.pop_front(),
            _ => None,
        };
        Ok(Self {
            kind: kind.map(|field| field.value).unwrap_or_default(),
            positional,
            named,
            end: text.len(),
            rest,
        })
    }

    /// Takes all that stands after the kind as another endpoint string, with its quoting.
    pub fn take_rest(&mut self) -> String {
        self.positional.clear();
        self.named.clear();
        std::mem::take(&mut self.rest)
    }

    /// Like [`Self::take_rest`], and where it stands.
    pub(super) fn take_rest_with_position(&mut self) -> (usize, String) {
        let rest = self.take_rest();
        (self.end - rest.len(), rest)
    }

    /// What kind of endpoint is asked for.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Takes the argument of this name: the next one without a name, or else the one with this.
    ///
    /// # Errors
    ///
    /// If it is given both ways, or twice.
    pub fn take(&mut self, name: &'static str) -> Result<Option<Argument>, DescriptionError> {
        let first = self
            .positional
            .pop_front()
            .or_else(|| self.take_named(name));
        if first.is_some()
            && let Some(second) = self.take_named(name)
        {
            return Err(DescriptionError::Twice {
                kind: self.kind.clone(),
                name,
                position: second.position,
            });
        }
        Ok(first.map(|field| Argument {
            kind: self.kind.clone(),
            name,
            value: field.value,
            position: field.value_position,
        }))
    }

    /// Takes the argument of this name, which must be there; `expected` says what it is.
    ///
    /// # Errors
    ///
    /// If it is not given, or twice.
    pub fn require(
        &mut self,
        name: &'static str,
        expected: &'static str,
    ) -> Result<Argument, DescriptionError> {
        self.take(name)?.ok_or_else(|| DescriptionError::Missing {
            kind: self.kind.clone(),
            name,
            expected,
            position: self.end,
        })
    }

    fn take_named(&mut self, name: &str) -> Option<Field> {
        let is_named = |field: &Field| field.keyword.as_deref() == Some(name);
        let index = self.named.iter().position(is_named)?;
        Some(self.named.remove(index))
    }

    /// Makes sure that nothing is left.
    ///
    /// # Errors
    ///
    /// If something is.
    pub(super) fn finish(&self) -> Result<(), DescriptionError> {
        let left = self.positional.iter().chain(&self.named);
        let Some(first) = left.min_by_key(|field| field.position) else {
            return Ok(());
        };
        let mut found = String::new();
        if let Some(keyword) = &first.keyword {
            // Writing to a string cannot fail.
            let _ = write!(found, "{}=", quote(keyword));
        }
        found.push_str(&quote(&first.value));
        Err(DescriptionError::Unexpected {
            kind: self.kind.clone(),
            found,
            position: first.position,
        })
    }
}

/// One argument in an endpoint string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    kind: String,
    name: &'static str,
    value: String,
    position: usize,
}

impl Argument {
    /// What was given, without the quoting.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.value
    }

    /// Reads what was given; `expected` says what it should be.
    ///
    /// # Errors
    ///
    /// If it is something else.
    pub fn parse<T: FromStr>(&self, expected: &'static str) -> Result<T, DescriptionError> {
        self.read(expected, |text| text.parse().ok())
    }

    /// Reads what was given by a function that gives nothing if it is not what is `expected`.
    ///
    /// # Errors
    ///
    /// If it is something else.
    pub fn read<T>(
        &self,
        expected: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, DescriptionError> {
        read(&self.value).ok_or_else(|| DescriptionError::Invalid {
            kind: self.kind.clone(),
            name: self.name,
            found: self.value.clone(),
            expected,
            position: self.position,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The fields of a text, each as its keyword and its value.
    fn split(text: &str) -> Vec<(Option<String>, String)> {
        let fields = fields(text).unwrap().into_iter();
        fields.map(|field| (field.keyword, field.value)).collect()
    }

    fn plain(value: &str) -> (Option<String>, String) {
        (None, value.to_owned())
    }

    fn named(keyword: &str, value: &str) -> (Option<String>, String) {
        (Some(keyword.to_owned()), value.to_owned())
    }

    // E-029
    #[test]
    fn fields_are_parted_by_colons_and_keywords_by_the_first_equals_sign() {
        let fields = split("tcp:80:interface=a=b:");

        let expected = [
            plain("tcp"),
            plain("80"),
            named("interface", "a=b"),
            plain(""),
        ];
        assert_eq!(fields, expected);
    }

    // E-029
    #[test]
    fn a_backslash_makes_the_next_character_plain_everywhere() {
        let fields = split(r"a\:b:c\=d:e\:f=g\:h\\:\i");

        let expected = [
            plain("a:b"),
            plain("c=d"),
            named("e:f", r"g:h\"),
            plain("i"),
        ];
        assert_eq!(fields, expected);
    }

    // E-029
    #[test]
    fn a_backslash_at_the_end_is_an_error() {
        let error = fields(r"tcp:80\").unwrap_err();

        assert_eq!(error, DescriptionError::NothingQuoted { position: 6 });
    }

    #[test]
    fn positions_are_those_of_the_values() {
        let mut arguments = Arguments::of("tcp:ü:port=x").unwrap();

        assert_eq!(arguments.take("host").unwrap().unwrap().position, 4);
        assert_eq!(arguments.take("port").unwrap().unwrap().position, 12);
    }

    proptest! {
        // E-029
        #[test]
        fn what_is_quoted_is_read_back(
            parts in proptest::collection::vec((proptest::option::of(".*"), ".*"), 1..6)
        ) {
            let text: Vec<_> = parts
                .iter()
                .map(|(keyword, value)| match keyword {
                    Some(keyword) => format!("{}={}", quote(keyword), quote(value)),
                    None => quote(value),
                })
                .collect();

            prop_assert_eq!(split(&text.join(":")), parts);
        }

        // E-029
        #[test]
        fn no_text_is_too_strange_to_be_taken_apart(text in r"[a-c:=\\ü]*") {
            if let Ok(arguments) = Arguments::of(&text) {
                // With something left or not, it is an answer.
                let _ = arguments.finish();
            }
        }
    }
}
