//! The file by which a UNIX socket is found.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::net::SocketAddrUnix;

/// The file of a socket, which goes with it.
pub(super) struct SocketFile {
    path: PathBuf,
    /// The device and the number of the file.
    id: (u64, u64),
}

impl SocketFile {
    /// Binds `socket` to a file that is made at `path`, with this mode, or the one that the process's mask leaves.
    pub(super) fn bind(
        socket: OwnedFd,
        path: &Path,
        mode: Option<u32>,
    ) -> io::Result<(OwnedFd, Self)> {
        let socket = File::from(socket);
        let permissions = mode.map(Permissions::from_mode);
        if let Some(permissions) = &permissions {
            // Where the system heeds this, the file is never open to more than it should, not even for a moment.
            let _ = socket.set_permissions(permissions.clone());
        }
        rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
        let file = Self {
            path: path.to_owned(),
            id: id_of(path)?,
        };
        if let Some(permissions) = permissions {
            fs::set_permissions(path, permissions)?;
        }
        Ok((socket.into(), file))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Somebody may have put another file in its place, which is none of ours.
        if id_of(&self.path).is_ok_and(|id| id == self.id)
            && let Err(error) = fs::remove_file(&self.path)
        {
            log::warn!(target: "protocols", "cannot remove {}: {error}", self.path.display());
        }
    }
}

fn id_of(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}
