//! Files and folders that only their owner may look into, whatever the umask: they name keys and
//! values of rows.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

/// Makes a file that is not there yet. A link in its place is not followed.
pub(crate) fn create_new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    // A umask may have taken the owner's own permissions away.
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(file)
}

/// Makes a file in the place of what is there. A link is replaced, not followed.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(cause),
        _ => create_new(path),
    }
}

/// Makes a folder, and the folders that lead to it. One that is there is closed to others where
/// everything in it has an ending of `ours`; one that holds anything else is somebody's own.
pub(crate) fn folder(path: &Path, ours: &[&str]) -> io::Result<()> {
    if path.is_dir() {
        let is_ours = |entry: io::Result<fs::DirEntry>| {
            entry.is_ok_and(|entry| {
                let name = entry.file_name();
                ours.iter().any(|ending| name.to_string_lossy().ends_with(ending))
            })
        };
        let entries = || fs::read_dir(path).into_iter().flatten();
        // An empty one may be shared on purpose.
        if entries().next().is_some() && entries().all(is_ours) {
            close(path, 0o700);
        }
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        fs::create_dir_all(parent)?;
    }
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        // Somebody made it at the same moment.
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
        made => made?,
    }
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    // The entry of the new folder has to survive a power cut too. Best effort: some systems
    // cannot open a folder as a file.
    if let Ok(parent) = File::open(parent.unwrap_or(Path::new("."))) {
        let _ = parent.sync_all();
    }
    Ok(())
}

/// Closes a file that is there to others: an earlier version left it open to them.
pub(crate) fn tighten(path: &Path) {
    close(path, 0o600);
}

/// Takes from others what they may do. Best effort: somebody else's is theirs to close, and not
/// every disk knows permissions.
#[cfg(unix)]
fn close(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    let Ok(found) = fs::symlink_metadata(path) else { return };
    if found.is_symlink() || found.permissions().mode().trailing_zeros() >= 6 {
        return;
    }
    if let Err(cause) = fs::set_permissions(path, fs::Permissions::from_mode(mode)) {
        let path = path.display();
        tracing::warn!(%cause, "Others may look into {path}, and that cannot be changed.");
    }
}

#[cfg(not(unix))]
fn close(_: &Path, _: u32) {}
