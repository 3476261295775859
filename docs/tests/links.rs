//! What the texts point to is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use docs::links;
use docs::tables::{files_in, root};

#[test]
fn every_link_and_every_include_leads_somewhere() {
    let texts = links::texts().unwrap();
    let faults: Vec<_> = texts
        .iter()
        .flat_map(|text| links::faults(text).unwrap())
        .collect();

    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_page_of_the_book_is_in_its_summary() {
    let book = root().join("docs/book");
    let summary = fs::read_to_string(book.join("SUMMARY.md")).unwrap();

    for page in files_in(&book, "md").unwrap() {
        let name = page.strip_prefix(&book).unwrap().display().to_string();
        let listed = name == "SUMMARY.md" || summary.contains(&format!("]({name})"));
        assert!(listed, "{name} is not listed");
    }
}

#[test]
fn every_picture_is_shown_by_the_book() {
    let book = root().join("docs/book");
    let pages = files_in(&book, "md").unwrap();
    let pages: String = pages
        .iter()
        .map(|page| fs::read_to_string(page).unwrap())
        .collect();

    for picture in files_in(&book, "svg").unwrap() {
        let name = picture.strip_prefix(&book).unwrap().display();
        assert!(pages.contains(&format!("]({name})")), "nobody shows {name}");
    }
}

#[test]
fn every_anchor_is_shown_by_the_book() {
    let mut shown = BTreeSet::new();
    for page in files_in(&root().join("docs/book"), "md").unwrap() {
        let content = fs::read_to_string(&page).unwrap();
        for include in links::includes(&content) {
            let (file, anchor) = links::include_parts(include);
            let file = page.parent().unwrap().join(file).canonicalize().unwrap();
            shown.extend(anchor.map(|anchor| (file, anchor.to_owned())));
        }
    }

    for file in sources() {
        let code = fs::read_to_string(&file).unwrap();
        for anchor in links::anchors(&code) {
            let shown = shown.contains(&(file.clone(), anchor.to_owned()));
            // The module that looks for anchors has some in its tests.
            let own = file.ends_with("docs/src/links.rs");
            assert!(shown || own, "nobody shows {anchor} of {}", file.display());
        }
    }
}

#[test]
fn every_program_that_the_book_runs_is_there() {
    let manifest = |package: &str| {
        let manifest = root().join(package).join("Cargo.toml");
        fs::read_to_string(manifest).unwrap()
    };

    for text in links::texts().unwrap() {
        for (package, program) in links::programs(&fs::read_to_string(&text).unwrap()) {
            // The package that is run where none is named.
            let package = package.unwrap_or("examples");
            let known = manifest(package).contains(&format!("name = \"{program}\""));
            assert!(
                known,
                "{}: there is no {program} in {package}",
                text.display()
            );
        }
    }
}

#[test]
fn every_further_program_is_there() {
    let manifest = fs::read_to_string(root().join("examples/Cargo.toml")).unwrap();
    let mut programs = 0;
    for page in files_in(&root().join("docs/book"), "md").unwrap() {
        let content = fs::read_to_string(&page).unwrap();
        let Some((_, rest)) = content.split_once("\nMore programs: ") else {
            continue;
        };
        let (further, _) = rest.split_once("\n\n").unwrap();
        for quoted in further.split('`').skip(1).step_by(2) {
            let name = quoted.split_whitespace().next().unwrap();
            let listed = manifest.contains(&format!("name = \"{name}\""));
            let there = listed || root().join(name).exists();
            assert!(there, "{}: there is no {name}", page.display());
            programs += 1;
        }
    }
    assert!(programs > 10, "the lines are not understood");
}

/// All files of code.
fn sources() -> Vec<PathBuf> {
    let packages = [
        "deferred",
        "reactor",
        "protocols",
        "examples",
        "docs",
        "benches",
    ];
    let in_package = |package| files_in(&root().join(package), "rs").unwrap();
    packages.into_iter().flat_map(in_package).collect()
}
