//! The few pieces of Rust's syntax that tell which names a file takes.

/// A piece of code: a word such as `use` or `Config`, `::`, or any other character but space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    Word(&'a str),
    PathSeparator,
    Other(char),
}

/// Returns the tokens of code without comments and literals.
pub(crate) fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut tokens = vec![];
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let word_len = rest.find(|char| !is_of_word(char)).unwrap_or(rest.len());
        let (token, len) = match word_len {
            0 if rest.starts_with("::") => (Token::PathSeparator, 2),
            0 => (Token::Other(first), first.len_utf8()),
            len => (Token::Word(&rest[..len]), len),
        };
        tokens.push(token);
        rest = rest[len..].trim_start();
    }
    tokens
}

fn is_of_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// One name that a `use` declaration brings into scope: the path to it, and the name it gets. The
/// name is `*` for all names of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Use {
    pub(crate) path: Vec<String>,
    pub(crate) name: String,
}

/// Returns what the `use` declaration that begins with these tokens (without the word `use`) brings
/// into scope.
pub(crate) fn uses(tokens: &[Token<'_>]) -> Vec<Use> {
    let mut uses = vec![];
    tree(tokens, &mut 0, &[], &mut uses);
    uses
}

/// Reads one tree of a `use` declaration from `at` on, and leaves `at` behind it.
fn tree(tokens: &[Token<'_>], at: &mut usize, prefix: &[String], uses: &mut Vec<Use>) {
    let mut path = prefix.to_vec();
    let mut name = None;
    loop {
        match tokens.get(*at) {
            Some(Token::Word("as")) => {
                *at += 1;
                if let Some(Token::Word(word)) = tokens.get(*at) {
                    name = Some((*word).to_owned());
                }
            }
            Some(Token::Word("self")) if !path.is_empty() => {}
            Some(Token::Word(word)) => path.push((*word).to_owned()),
            Some(Token::Other('*')) => name = Some("*".to_owned()),
            Some(Token::Other('{')) => return group(tokens, at, &path, uses),
            Some(Token::PathSeparator) => {}
            Some(Token::Other(_)) | None => break,
        }
        *at += 1;
    }
    if let Some(last) = path.last().cloned() {
        uses.push(Use { path, name: name.unwrap_or(last) });
    }
}

/// Reads the trees in braces from `at` on, and leaves `at` behind them.
fn group(tokens: &[Token<'_>], at: &mut usize, prefix: &[String], uses: &mut Vec<Use>) {
    loop {
        *at += 1;
        match tokens.get(*at) {
            Some(Token::Other('}')) => break,
            Some(_) => tree(tokens, at, prefix, uses),
            None => return,
        }
        if tokens.get(*at) != Some(&Token::Other(',')) {
            break;
        }
    }
    *at += 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(declaration: &str, expected: &[(&str, &str)]) {
        let uses = uses(&tokens(declaration));
        let found: Vec<_> = uses.iter().map(|it| (it.path.join("::"), it.name.clone())).collect();
        let expected: Vec<_> =
            expected.iter().map(|(path, name)| ((*path).to_owned(), (*name).to_owned())).collect();
        assert_eq!(found, expected, "{declaration}");
    }

    #[test]
    fn a_declaration_is_taken_apart() {
        check("a;", &[("a", "a")]);
        check("crate::a::B as C;", &[("crate::a::B", "C")]);
        check("super::*;", &[("super", "*")]);
        check("self::a::{self, B};", &[("self::a", "a"), ("self::a::B", "B")]);
        check(
            "crate::{a::{B, c::D as E,}, f};",
            &[("crate::a::B", "B"), ("crate::a::c::D", "E"), ("crate::f", "f")],
        );
        check("{crate::a, b::C};", &[("crate::a", "a"), ("b::C", "C")]);
    }
}
