//! Circles among files, from what each file takes from others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One name that a file takes from another file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Import {
    pub(crate) by: String,
    pub(crate) from: String,
    pub(crate) name: String,
}

/// Files that all need each other, by way of these imports.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Circle(BTreeSet<Import>);

impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = BTreeMap::<_, Vec<&str>>::new();
        for import in &self.0 {
            names.entry((&import.by, &import.from)).or_default().push(&import.name);
        }
        for ((by, from), names) in names {
            writeln!(f, "  {by} takes {} from {from}", names.join(", "))?;
        }
        Ok(())
    }
}

/// Returns all circles: each largest set of files of which every one needs every other.
pub(crate) fn circles(imports: &BTreeSet<Import>) -> Vec<Circle> {
    let files: BTreeSet<_> = imports.iter().map(|import| &import.by).collect();
    let needs: BTreeMap<_, _> = files.iter().map(|file| (*file, reached(file, imports))).collect();
    let need_each_other = |one: &String, other: &String| {
        let needs = |one, other| needs.get(one).is_some_and(|all| all.contains(other));
        needs(one, other) && needs(other, one)
    };
    let mut circles = vec![];
    let mut seen = BTreeSet::new();
    for file in files {
        if need_each_other(file, file) && !seen.contains(file) {
            let is_in_circle = |other: &String| need_each_other(file, other);
            let own: BTreeSet<_> = imports
                .iter()
                .filter(|import| is_in_circle(&import.by) && is_in_circle(&import.from))
                .cloned()
                .collect();
            seen.extend(own.iter().map(|import| import.by.clone()));
            circles.push(Circle(own));
        }
    }
    circles
}

/// Returns all files that `file` needs, directly or through others.
fn reached<'a>(file: &String, imports: &'a BTreeSet<Import>) -> BTreeSet<&'a String> {
    let mut reached = BTreeSet::new();
    let mut next = vec![file];
    while let Some(by) = next.pop() {
        for import in imports.iter().filter(|import| import.by == *by) {
            if reached.insert(&import.from) {
                next.push(&import.from);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(pairs: &[(&str, &str)]) -> BTreeSet<Import> {
        let import = |(by, from): &(&str, &str)| Import {
            by: (*by).to_owned(),
            from: (*from).to_owned(),
            name: from.to_uppercase(),
        };
        pairs.iter().map(import).collect()
    }

    #[test]
    fn needs_in_one_direction_are_no_circle() {
        assert_eq!(circles(&imports(&[("a", "b"), ("b", "c"), ("a", "c"), ("d", "c")])), []);
    }

    #[test]
    fn a_circle_is_told_with_the_names_and_without_bystanders() {
        let needs = [("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("e", "a"), ("f", "g")];
        let circles = circles(&imports(&needs));
        let told: Vec<_> = circles.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            ["  a takes B from b\n  b takes C from c\n  c takes A from a\n"],
            "{circles:?}"
        );
    }

    #[test]
    fn each_circle_is_found() {
        let needs = [("a", "b"), ("b", "a"), ("b", "c"), ("c", "d"), ("d", "c")];
        assert_eq!(circles(&imports(&needs)).len(), 2);
    }
}
