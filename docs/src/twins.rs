//! The same work in a function that returns and in a chain: shown by the book's chapter on the two lines.

use protocols::deferred::{Deferred, Failure};

/// The engine broke down over this poem.
#[derive(Debug, thiserror::Error)]
#[error("the engine broke down")]
pub struct BrokenDown(String);

// ANCHOR: returns
/// Makes a poem of a download, and returns it.
///
/// # Errors
///
/// That of the download, or the engine's.
pub fn returned(download: Result<String, Failure>) -> Result<String, Failure> {
    let poem = download?;
    let poem = match engine(poem) {
        Ok(poem) => poem,
        Err(failure) => mend(failure)?,
    };
    Ok(poem.to_uppercase())
}
// ANCHOR_END: returns

// ANCHOR: chains
/// Makes a poem of a download, when it is there.
pub fn chained(download: Deferred<String>) -> Deferred<String> {
    download
        .add_callback(engine)
        .add_errback(mend)
        .map(|poem| poem.to_uppercase())
}
// ANCHOR_END: chains

fn engine(poem: String) -> Result<String, Failure> {
    match poem.as_str() {
        "brillig" => Err(BrokenDown(poem).into()),
        _ => Ok(poem + "!"),
    }
}

fn mend(failure: Failure) -> Result<String, Failure> {
    let BrokenDown(poem) = failure.trap()?;
    Ok(poem.clone())
}

#[cfg(test)]
mod tests {
    use protocols::deferred::{Abandoned, testing};

    use super::*;

    #[test]
    fn both_come_to_the_same() {
        for (poem, expected) in [("the river", "THE RIVER!"), ("brillig", "BRILLIG")] {
            assert_eq!(returned(Ok(poem.to_owned())).unwrap(), expected);

            let chain = chained(Deferred::succeed(poem.to_owned()));
            assert_eq!(testing::success_result_of(chain), expected);
        }
    }

    #[test]
    fn a_failed_download_fails_both() {
        let returned = returned(Err(Abandoned.into()));
        assert!(returned.unwrap_err().check::<Abandoned>().is_some());

        let chain = chained(Deferred::fail(Abandoned));
        testing::failure_result_of::<Abandoned, _>(chain);
    }
}
