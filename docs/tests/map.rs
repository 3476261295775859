//! The map in `ARCHITECTURE.md` has what is there, and nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use docs::conformance::root;

#[test]
fn every_file_of_the_crates_is_on_the_map() {
    for (folder, names) in regions() {
        if !["deferred/", "reactor/", "protocols/"].contains(&folder.as_str()) {
            continue;
        }
        for entry in fs::read_dir(root().join(&folder).join("src")).unwrap() {
            let name = name_of(&entry.unwrap().path());
            let is_code = name.ends_with(".rs") || name.ends_with('/');
            let mapped = name == "lib.rs" || names.contains(&name);
            assert!(
                mapped || !is_code,
                "{folder} has {name}, and the map does not"
            );
        }
    }
}

#[test]
fn everything_on_the_map_is_there() {
    for (folder, names) in regions() {
        let there = below(&root().join(&folder));
        for name in names {
            let found = there.iter().any(|path| path.ends_with(&format!("/{name}")));
            assert!(found, "{folder} has no {name}");
        }
    }
}

/// The folders of the map, with the files (`….rs`) and folders (`…/`) that it names in each.
fn regions() -> Vec<(String, BTreeSet<String>)> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (_, map) = text.split_once("## The map").unwrap();
    let (map, _) = map.split_once("\n## ").unwrap();
    let regions: Vec<_> = map.split("\n**`").skip(1).map(region).collect();
    assert!(regions.len() > 3, "the map is not understood");
    regions
}

fn region(text: &str) -> (String, BTreeSet<String>) {
    let (folder, rest) = text.split_once("`**").unwrap();
    let quoted = rest.split('`').skip(1).step_by(2);
    let names = quoted.filter(|name| name.ends_with(".rs") || name.ends_with('/'));
    (folder.to_owned(), names.map(str::to_owned).collect())
}

/// All paths below a folder, those of folders with a slash at their end.
fn below(folder: &Path) -> Vec<String> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            paths.extend(below(&path));
        }
        paths.push(format!("{}/{}", folder.display(), name_of(&path)));
    }
    paths
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap().to_string_lossy();
    let slash = if path.is_dir() { "/" } else { "" };
    format!("{name}{slash}")
}
