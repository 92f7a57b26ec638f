//! The modules of a crate, and the names that each file takes from the others.

use std::collections::{BTreeMap, BTreeSet};

use crate::circles::Import;
use crate::tokens::{Token, Use, tokens, uses};

/// The code of each file, by its path without the extension.
pub(crate) type Sources = BTreeMap<String, String>;

/// Maximum number of re-exports that a name is followed through; more are a re-export of itself.
const MAX_REEXPORTS: usize = 16;

/// Words that are followed by the name of what they define.
const DEFINING: [&str; 8] = ["const", "enum", "fn", "static", "struct", "trait", "type", "union"];

/// Returns the files that are the root of a crate: of a library, a program, a test or a benchmark.
pub(crate) fn roots(sources: &Sources) -> Vec<String> {
    let is_root = |path: &str| {
        let mut parts = path.rsplit('/');
        let (name, folder) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let is_target = ["benches", "bin", "examples", "tests"].contains(&folder);
        ["lib", "main"].contains(&name) || is_target
    };
    sources.keys().filter(|path| is_root(path)).cloned().collect()
}

/// Returns the names that the files of the crate with this root take from each other.
pub(crate) fn imports(sources: &Sources, root: &str) -> BTreeSet<Import> {
    let mut crate_ = Crate { sources, modules: vec![] };
    let (folder, _) = root.rsplit_once('/').expect("a root is in a folder");
    crate_.read_file(root.to_owned(), folder, None);
    let modules = 0..crate_.modules.len();
    modules.flat_map(|module| crate_.taken_by(module)).collect()
}

/// The modules of a crate; the first is its root.
struct Crate<'a> {
    sources: &'a Sources,
    modules: Vec<Module>,
}

/// A module. Several modules may share a file.
struct Module {
    file: String,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    /// What its own `use` declarations bring into scope.
    uses: Vec<Use>,
    /// What it defines itself.
    items: BTreeSet<String>,
    /// All paths in its code, those of `use` declarations included.
    paths: Vec<Vec<String>>,
}

/// Where a `use` declaration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// Directly in a module, so that other modules can take the names from there.
    Module,
    /// In a function or another block.
    Block,
}

/// What a path leads to.
enum Place {
    Module(usize),
    Item { module: usize, name: String },
}

impl Crate<'_> {
    fn read_file(&mut self, file: String, folder: &str, parent: Option<usize>) -> usize {
        let code = self.sources.get(&file).unwrap_or_else(|| panic!("no file {file}"));
        let tokens = tokens(code);
        let module = self.add(file, parent);
        self.read_block(module, folder, &tokens);
        module
    }

    fn add(&mut self, file: String, parent: Option<usize>) -> usize {
        self.modules.push(Module {
            file,
            parent,
            children: BTreeMap::new(),
            uses: vec![],
            items: BTreeSet::new(),
            paths: vec![],
        });
        self.modules.len() - 1
    }

    /// Reads the content of a module up to its closing brace, or to the end of its file. `folder`
    /// has the files of its children. Returns the number of tokens read.
    fn read_block(&mut self, module: usize, folder: &str, tokens: &[Token<'_>]) -> usize {
        let (mut at, mut depth) = (0, 0);
        while let Some(token) = tokens.get(at) {
            let next = tokens.get(at + 1);
            at += match (*token, next) {
                (Token::Other('{'), _) => {
                    depth += 1;
                    1
                }
                (Token::Other('}'), _) if depth == 0 => return at + 1,
                (Token::Other('}'), _) => {
                    depth -= 1;
                    1
                }
                (Token::Word("mod"), Some(Token::Word(_))) if has_path_attribute(&tokens[..at]) => {
                    2
                }
                (Token::Word("mod"), Some(Token::Word(name))) if depth == 0 => {
                    let folder = format!("{folder}/{name}");
                    2 + self.read_child(module, name, &folder, &tokens[at + 2..])
                }
                // Not the `use<'a>` in a type.
                (Token::Word("use"), Some(next)) if *next != Token::Other('<') => {
                    let scope = if depth == 0 { Scope::Module } else { Scope::Block };
                    self.read_use(module, scope, &tokens[at + 1..])
                }
                (Token::Word(word), Some(Token::Word(name))) if DEFINING.contains(&word) => {
                    if depth == 0 {
                        self.modules[module].items.insert((*name).to_owned());
                    }
                    1
                }
                (Token::Word(_), Some(Token::PathSeparator)) => {
                    self.read_path(module, &tokens[at..])
                }
                // The rest of a path that began with something else than a name.
                (Token::PathSeparator, Some(Token::Word(_))) => 2,
                _ => 1,
            };
        }
        at
    }

    /// Reads a child module from the token after its name on. `folder` has the files of its own
    /// children. Returns the number of tokens read.
    fn read_child(
        &mut self,
        parent: usize,
        name: &str,
        folder: &str,
        tokens: &[Token<'_>],
    ) -> usize {
        let (child, len) = if tokens.first() == Some(&Token::Other('{')) {
            let child = self.add(self.modules[parent].file.clone(), Some(parent));
            (child, 1 + self.read_block(child, folder, &tokens[1..]))
        } else {
            let in_folder = format!("{folder}/mod");
            let is_in_folder = self.sources.contains_key(&in_folder);
            let file = if is_in_folder { in_folder } else { folder.to_owned() };
            (self.read_file(file, folder, Some(parent)), 1)
        };
        self.modules[parent].children.insert(name.to_owned(), child);
        len
    }

    /// Returns the number of tokens up to the end of the declaration.
    fn read_use(&mut self, module: usize, scope: Scope, tokens: &[Token<'_>]) -> usize {
        let end = tokens.iter().position(|token| *token == Token::Other(';'));
        let len = end.unwrap_or(tokens.len());
        let module = &mut self.modules[module];
        for it in uses(&tokens[..len]) {
            let mut path = it.path.clone();
            if it.name == "*" {
                path.push("*".to_owned());
            }
            module.paths.push(path);
            if scope == Scope::Module {
                module.uses.push(it);
            }
        }
        1 + len
    }

    /// Returns the number of tokens of the path.
    fn read_path(&mut self, module: usize, tokens: &[Token<'_>]) -> usize {
        let mut path = vec![];
        let mut len = 0;
        while let Some(Token::Word(word)) = tokens.get(len) {
            path.push((*word).to_owned());
            len += 1;
            if tokens.get(len) == Some(&Token::PathSeparator) {
                len += 1;
            } else {
                break;
            }
        }
        self.modules[module].paths.push(path);
        len
    }

    /// Returns what the code of a module takes from files that are not below its own.
    fn taken_by(&self, module: usize) -> Vec<Import> {
        let by = &self.modules[module].file;
        let places = self.modules[module].paths.iter().filter_map(|path| {
            match self.resolve(module, path, MAX_REEXPORTS)? {
                Place::Item { module, name } => Some((module, name)),
                // Each name that is taken by way of the module has a path of its own.
                Place::Module(_) => None,
            }
        });
        let others = places.filter(|(from, _)| !self.is_below(*from, by));
        let import = |(from, name): (usize, String)| Import {
            by: by.clone(),
            from: self.modules[from].file.clone(),
            name,
        };
        others.map(import).collect()
    }

    /// Whether a module is in this file or in a file of its children.
    fn is_below(&self, module: usize, file: &str) -> bool {
        let Module { file: own, parent, .. } = &self.modules[module];
        own == file || parent.is_some_and(|parent| self.is_below(parent, file))
    }

    /// Returns what a path in a module leads to, unless that is in another crate.
    fn resolve(&self, module: usize, path: &[String], reexports: usize) -> Option<Place> {
        let (first, rest) = path.split_first()?;
        let mut place = match first.as_str() {
            "crate" => Place::Module(0),
            "self" => Place::Module(module),
            "super" => Place::Module(self.modules[module].parent?),
            name => self.in_scope(module, name, reexports)?,
        };
        for name in rest {
            let Place::Module(module) = place else { break };
            place = match name.as_str() {
                "super" => Place::Module(self.modules[module].parent?),
                name => self.member(module, name, reexports)?,
            };
        }
        Some(place)
    }

    /// Returns what a name in the code of a module stands for: a child or something imported.
    fn in_scope(&self, module: usize, name: &str, reexports: usize) -> Option<Place> {
        let Module { children, uses, .. } = &self.modules[module];
        if let Some(child) = children.get(name) {
            return Some(Place::Module(*child));
        }
        let it = uses.iter().find(|it| it.name == name)?;
        self.resolve(module, &it.path, reexports.checked_sub(1)?)
    }

    /// Returns what another module gets when it takes this name from a module.
    fn member(&self, module: usize, name: &str, reexports: usize) -> Option<Place> {
        let Module { children, uses, items, .. } = &self.modules[module];
        let is_known = children.contains_key(name) || uses.iter().any(|it| it.name == name);
        if is_known {
            return self.in_scope(module, name, reexports);
        }
        if !items.contains(name)
            && let Some(place) = self.in_globs(module, name, reexports)
        {
            return Some(place);
        }
        Some(Place::Item { module, name: name.to_owned() })
    }

    /// Returns the item of this name among those that a module re-exports by `*`.
    fn in_globs(&self, module: usize, name: &str, reexports: usize) -> Option<Place> {
        let reexports = reexports.checked_sub(1)?;
        let globs = self.modules[module].uses.iter().filter(|it| it.name == "*");
        globs.filter_map(|it| self.resolve(module, &it.path, reexports)).find_map(|place| {
            let Place::Module(from) = place else { return None };
            let has = self.modules[from].items.contains(name);
            has.then(|| Place::Item { module: from, name: name.to_owned() })
        })
    }
}

/// Whether the last attribute before an item says where its file is.
fn has_path_attribute(before: &[Token<'_>]) -> bool {
    let start = before.iter().rposition(|token| matches!(token, Token::Other(';' | '{' | '}')));
    let attribute = [Token::Other('['), Token::Word("path"), Token::Other('=')];
    before[start.unwrap_or_default()..].windows(3).any(|tokens| *tokens == attribute)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circles::circles;
    use echo_tests::sources::code;

    fn sources(files: &[(&str, &str)]) -> Sources {
        files.iter().map(|(path, text)| ((*path).to_owned(), code(text))).collect()
    }

    /// What the files of a made-up crate take from each other, one line each.
    fn taken(files: &[(&str, &str)]) -> Vec<String> {
        let imports = imports(&sources(files), "a/src/lib");
        let line = |it: &Import| format!("{} {} {}", &it.by[6..], it.name, &it.from[6..]);
        imports.iter().map(line).collect()
    }

    /// The circles in a made-up crate, as the test of the workspace tells them.
    fn told(files: &[(&str, &str)]) -> Vec<String> {
        let circles = circles(&imports(&sources(files), "a/src/lib"));
        circles.iter().map(|circle| circle.to_string().replace("a/src/", "")).collect()
    }

    #[test]
    fn siblings_that_need_each_other_are_a_circle() {
        let files = [
            ("a/src/lib", "mod one; mod two; pub use one::One;"),
            ("a/src/one", "use crate::two::{Two, twice}; pub struct One(Two);"),
            ("a/src/two", "pub struct Two; pub fn twice() { super::one::help() }"),
        ];
        assert_eq!(told(&files), ["  one takes Two, twice from two\n  two takes help from one\n"]);
    }

    #[test]
    fn a_parent_may_use_its_children_and_they_may_take_what_it_defines() {
        let files = [
            ("a/src/lib", "mod parent; pub use parent::f;"),
            ("a/src/parent", "mod child; const MAX: u8 = 1; pub fn f() { child::g() }"),
            ("a/src/parent/child", "pub fn g() -> u8 { super::MAX }"),
        ];
        assert_eq!(taken(&files), ["parent/child MAX parent"]);
        assert_eq!(told(&files), [""; 0]);
    }

    #[test]
    fn a_child_and_a_stranger_that_needs_it_are_a_circle_by_way_of_the_parent() {
        let files = [
            ("a/src/lib", "mod parent; mod stranger;"),
            ("a/src/parent", "mod child; const MAX: u8 = crate::stranger::MAX;"),
            ("a/src/parent/child", "pub fn g() -> u8 { super::MAX }"),
            ("a/src/stranger", "pub const MAX: u8 = crate::parent::child::g();"),
        ];
        assert_eq!(told(&files).len(), 1);
    }

    #[test]
    fn a_longer_circle_is_found_through_renames_and_inline_modules() {
        let files = [
            ("a/src/lib", "mod one; mod two; mod three;"),
            ("a/src/one", "mod system { use crate::two as second; type A = second::Two; }"),
            ("a/src/two", "fn f(_: crate::three::Three) {} struct Two;"),
            ("a/src/three", "use crate::one::{self as first}; struct Three; fn g() { first::h() }"),
        ];
        assert_eq!(told(&files).len(), 1);
    }

    #[test]
    fn a_child_may_take_its_siblings_names_through_its_parent() {
        let files = [
            ("a/src/lib", "mod parent;"),
            ("a/src/parent", "mod one; mod two; pub use one::One; use two::Two; fn f(_: Two) {}"),
            ("a/src/parent/one", "use super::Two; struct One(Two);"),
            ("a/src/parent/two", "use std::time::Duration; struct Two(Duration);"),
        ];
        assert_eq!(taken(&files), ["parent/one Two parent/two"]);
        assert_eq!(told(&files), [""; 0]);
    }

    #[test]
    fn a_folder_a_glob_and_a_path_in_a_body_are_followed() {
        let files = [
            ("a/src/lib", "mod parent; mod user;"),
            ("a/src/parent/mod", "mod child; pub use child::*;"),
            ("a/src/parent/child", "pub struct Thing; pub fn other() {}"),
            ("a/src/user", "use crate::parent; fn f() { parent::Thing }"),
        ];
        assert_eq!(taken(&files), ["user Thing parent/child"]);
    }

    #[test]
    fn tests_other_crates_and_included_files_are_left_out() {
        let files = [
            (
                "a/src/lib",
                "use log::{self, info}; mod one; mod two;\n#[cfg(test)]\nmod tests; fn f() {}",
            ),
            ("a/src/one", "#[path = \"x.rs\"] mod x; use std::io; type E = io::Error;"),
            ("a/src/two", "#[cfg(test)] mod tests { use super::*; use crate::f; }"),
        ];
        assert_eq!(taken(&files), [""; 0]);
    }
}
