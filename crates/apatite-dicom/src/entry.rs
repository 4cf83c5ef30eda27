/*!
Where bytes come from: a file, an entry of a zip archive, either of them compressed by gzip.
*/

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::MultiGzDecoder;

use crate::ReadError;

/// Bytes that one entry may unpack to: the strict limit against archive bombs.
pub(crate) const MAX_UNPACKED: u64 = 4 << 30;

/// Entries that an archive, and files that a folder may hold.
pub(crate) const MAX_ENTRIES: usize = 200_000;

/// One source of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    path: Arc<Path>,
    /// Number and name inside a zip archive.
    zipped: Option<(usize, Arc<str>)>,
    gzipped: bool,
}

impl Entry {
    pub(crate) fn file(path: &Path) -> Self {
        Self { path: path.into(), zipped: None, gzipped: false }
    }

    pub(crate) fn name(&self) -> String {
        match &self.zipped {
            Some((_, name)) => format!("{}!{name}", self.path.display()),
            None => self.path.display().to_string(),
        }
    }

    /// The same bytes, unpacked.
    pub(crate) fn gunzipped(&self) -> Self {
        Self { gzipped: true, ..self.clone() }
    }

    /// Whether a range can be read without reading what comes before.
    pub(crate) fn is_plain(&self) -> bool {
        self.zipped.is_none() && !self.gzipped
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the first bytes, at most `length`; the second value tells whether that was all.
    pub(crate) fn head(&self, length: usize) -> io::Result<(Vec<u8>, bool)> {
        self.with(|reader| {
            let mut bytes = Vec::with_capacity(length.min(1 << 20));
            reader.take(length as u64 + 1).read_to_end(&mut bytes)?;
            let all = bytes.len() <= length;
            bytes.truncate(length);
            Ok((bytes, all))
        })
    }

    /// Reads everything.
    pub(crate) fn all(&self) -> io::Result<Vec<u8>> {
        if self.is_plain() {
            return std::fs::read(&self.path);
        }
        self.with(|reader| {
            let mut bytes = Vec::new();
            reader.take(MAX_UNPACKED + 1).read_to_end(&mut bytes)?;
            if bytes.len() as u64 > MAX_UNPACKED {
                return Err(io::Error::other(format!("unpacks to more than {MAX_UNPACKED} bytes")));
            }
            Ok(bytes)
        })
    }

    /// Reads a range of a plain file into `buffer`.
    pub(crate) fn range(&self, start: u64, buffer: &mut [u8]) -> io::Result<()> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(buffer)
    }

    /// Number of bytes of a plain file.
    pub(crate) fn len(&self) -> Option<u64> {
        self.is_plain().then(|| std::fs::metadata(&self.path).ok()).flatten().map(|data| data.len())
    }

    /// Reads as a stream.
    pub(crate) fn with<T>(&self, read: impl FnOnce(&mut dyn Read) -> io::Result<T>) -> io::Result<T> {
        let file = File::open(&self.path)?;
        match (&self.zipped, self.gzipped) {
            (None, false) => read(&mut { file }),
            (None, true) => read(&mut MultiGzDecoder::new(io::BufReader::with_capacity(1 << 16, file))),
            (Some((number, _)), gzipped) => {
                let mut archive = zip::ZipArchive::new(io::BufReader::new(file)).map_err(io::Error::other)?;
                let mut entry = archive.by_index(*number).map_err(io::Error::other)?;
                if gzipped { read(&mut MultiGzDecoder::new(entry)) } else { read(&mut entry) }
            }
        }
    }
}

/// Everything under the paths, folders walked in the order of their names.
pub(crate) fn walk(paths: &[PathBuf]) -> Result<Vec<Entry>, ReadError> {
    let mut entries = Vec::new();
    for path in paths {
        let data = std::fs::metadata(path).map_err(|source| ReadError::Io { path: path.clone(), source })?;
        if data.is_dir() {
            folder(path, &mut entries, 0)?;
        } else {
            entries.push(Entry::file(path));
        }
    }
    Ok(entries)
}

/// The entries of a zip archive.
pub(crate) fn unzip(entry: &Entry) -> Result<Vec<Entry>, ReadError> {
    let problem = |problem: String| ReadError::Archive { path: entry.path.to_path_buf(), problem };
    let file =
        File::open(&entry.path).map_err(|source| ReadError::Io { path: entry.path.to_path_buf(), source })?;
    let mut archive =
        zip::ZipArchive::new(io::BufReader::new(file)).map_err(|error| problem(error.to_string()))?;
    if archive.len() > MAX_ENTRIES {
        return Err(ReadError::Limit {
            what: format!("{} entries in an archive", archive.len()),
            limit: MAX_ENTRIES as u64,
        });
    }
    let mut entries = Vec::new();
    for number in 0..archive.len() {
        let Ok(found) = archive.by_index_raw(number) else { continue };
        if found.is_dir() {
            continue;
        }
        let name: Arc<str> =
            found.name().map_or_else(|_| format!("entry {number}").into(), |name| name.as_ref().into());
        entries.push(Entry { path: entry.path.clone(), zipped: Some((number, name)), gzipped: false });
    }
    entries.sort_by(|one, two| {
        one.zipped.as_ref().map(|pair| &pair.1).cmp(&two.zipped.as_ref().map(|pair| &pair.1))
    });
    Ok(entries)
}

fn folder(path: &Path, entries: &mut Vec<Entry>, depth: usize) -> Result<(), ReadError> {
    let io = |source| ReadError::Io { path: path.to_path_buf(), source };
    let mut inside: Vec<_> = std::fs::read_dir(path).map_err(io)?.collect::<Result<_, _>>().map_err(io)?;
    inside.sort_by_key(std::fs::DirEntry::file_name);
    for item in inside {
        let Ok(kind) = std::fs::metadata(item.path()) else { continue };
        // a link may lead back up: no study nests this deep
        if kind.is_dir() && depth < 32 {
            folder(&item.path(), entries, depth + 1)?;
        } else if kind.is_file() {
            entries.push(Entry::file(&item.path()));
        }
        if entries.len() > MAX_ENTRIES {
            return Err(ReadError::Limit { what: "files in a folder".into(), limit: MAX_ENTRIES as u64 });
        }
    }
    Ok(())
}
