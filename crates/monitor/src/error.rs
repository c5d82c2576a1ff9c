use core::error::Error;
use core::fmt;

/// Says why a request got no reply.
///
/// The two cases differ in what became of the data: either the driver never saw it, and then it
/// comes back, or the driver has it.
///
/// Source: the `RuntimeError("Monitor not active")` of `asynkit.Monitor.oob`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum OobError<D> {
    /// No driver can ever see this request: the monitor had ended or been dropped, or it went
    /// while the request was waiting for its turn. The data is given back.
    NotActive(D),
    /// The driver took the data, and the monitor went before the reply came.
    Closed,
}

impl<D> OobError<D> {
    /// Gives back the data, if the driver never saw it.
    ///
    /// ```
    /// use corokit_monitor::OobError;
    ///
    /// assert_eq!(OobError::NotActive("data").into_data(), Some("data"));
    /// assert_eq!(OobError::<&str>::Closed.into_data(), None);
    /// ```
    pub fn into_data(self) -> Option<D> {
        match self {
            OobError::NotActive(data) => Some(data),
            OobError::Closed => None,
        }
    }
}

impl<D> fmt::Debug for OobError<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OobError::NotActive(_) => "NotActive(..)",
            OobError::Closed => "Closed",
        })
    }
}

impl<D> fmt::Display for OobError<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OobError::NotActive(_) => {
                "the monitor has ended or was dropped, so its driver never saw this request; \
                 ask while the monitor is alive"
            }
            OobError::Closed => {
                "the monitor ended or was dropped after its driver had seen this request and \
                 before it replied; keep the monitor until it is done"
            }
        })
    }
}

impl<D> Error for OobError<D> {}
