//! The one way out for failures that nobody handles.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError, RwLock};

use crate::Failure;

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
}

impl fmt::Display for Report<'_> {
    /// The headline, a colon, and the failure with its whole way on the lines below.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:\n{:?}", self.headline, self.failure)
    }
}

/// Reports a failure that nobody is left to handle.
///
/// It goes to the hook, if one was set with [`set_report_hook`]; else to the `log` crate, as one record
/// of level error with the target `deferred`; and where no logger was installed, to standard error.
pub fn report(headline: &str, failure: &Failure) {
    let report = Report { headline, failure };
    let hook = HOOK.read().unwrap_or_else(PoisonError::into_inner).clone();
    // A report is often made while something is dropped, where a second panic would end the program.
    let _ = catch_unwind(AssertUnwindSafe(|| match hook {
        Some(hook) => hook(&report),
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

/// Reports the failure of a chain whose end was dropped.
pub(crate) fn unhandled(failure: &Failure) {
    report("Unhandled error in Deferred", failure);
}
