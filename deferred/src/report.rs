//! The one way out for failures that nobody handles.

use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;
use std::sync::{Arc, PoisonError, RwLock};

use crate::chain::{self, Source};
use crate::debug::Record;
use crate::{Failure, testing};

type Hook = Arc<dyn Fn(&Report<'_>) + Send + Sync>;

static HOOK: RwLock<Option<Hook>> = RwLock::new(None);

/// A failure that nobody handled, and what it happened in.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Report<'a> {
    /// What the failure happened in, such as "Unhandled error in Deferred".
    pub headline: &'a str,
    /// The failure itself.
    pub failure: &'a Failure,
    /// Where the program made the chain that ended with the failure, if one did that did not begin with a result.
    pub made: Option<&'static Location<'static>>,
    record: Option<&'a Record>,
}

impl fmt::Display for Report<'_> {
    /// The headline, a colon, and on the lines below the failure with its whole way.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:\n{:?}", self.headline, self.failure)?;
        if let Some(made) = self.made {
            write!(f, "\n  the chain was made at {made}")?;
        }
        if let Some(last) = self.failure.last_link() {
            write!(f, "\n  its last link was added at {last}")?;
        }
        if let Some(record) = self.record {
            write!(f, "{record}")?;
        }
        Ok(())
    }
}

/// Reports a failure that nobody is left to handle.
///
/// It goes to the hook, if one was set with [`set_report_hook`]; else to the `log` crate, as one record
/// of level error with the target `deferred`; and where no logger was installed, to standard error.
pub fn report(headline: &str, failure: &Failure) {
    send(&Report {
        headline,
        failure,
        made: None,
        record: None,
    });
}

/// An errback that reports the failure with `headline`, and lets it go on.
///
/// If nothing handles it after that, the drop of the chain's end reports it again.
///
/// # Examples
///
/// ```
/// use deferred::{Abandoned, Deferred, reporting};
///
/// let chain = Deferred::<u32>::fail(Abandoned).add_errback(reporting("No page number"));
/// chain.ignore();
/// ```
///
/// *Twisted's `addErrback(log.err)`, whose `None` counts as handled.*
pub fn reporting<T>(headline: &'static str) -> impl FnOnce(Failure) -> Result<T, Failure> {
    move |failure| {
        report(headline, &failure);
        Err(failure)
    }
}

/// Reports the failure of a chain, that of `source` if it had one, whose end was dropped.
pub(crate) fn unhandled(failure: &Failure, source: Option<&Rc<dyn Source>>) {
    testing::count_unhandled();
    let record = source.and_then(chain::record);
    send(&Report {
        headline: "Unhandled error in Deferred",
        failure,
        made: source.map(chain::made),
        record: record.as_ref(),
    });
}

fn send(report: &Report<'_>) {
    let hook = HOOK.read().unwrap_or_else(PoisonError::into_inner).clone();
    // A report is often made while something is dropped, where a second panic would end the program.
    let _ = catch_unwind(AssertUnwindSafe(|| match hook {
        Some(hook) => hook(report),
        None if log::max_level() == log::LevelFilter::Off => eprintln!("{report}"),
        None => log::error!(target: "deferred", "{report}"),
    }));
}

/// Replaces what is done with failures that nobody handles, in all threads.
///
/// The hook is called in the thread of the chain, while that chain's end is dropped or fired; a panic in
/// it is swallowed.
///
/// *Twisted logs these through its log observers.*
pub fn set_report_hook(hook: impl Fn(&Report<'_>) + Send + Sync + 'static) {
    *HOOK.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(hook));
}

/// Goes back to the default: the `log` crate, or standard error where no logger was installed.
pub fn reset_report_hook() {
    *HOOK.write().unwrap_or_else(PoisonError::into_inner) = None;
}
