//! wasi:filesystem over the tree port.

use crate::bindings::wasi::clocks::wall_clock::Datetime;
use crate::bindings::wasi::filesystem::{preopens, types};
use crate::ports::{FsDone, FsOp, FsReq, IO_MAX, Ports, Stat, Time, status};
use crate::state::State;
use crate::stream::{InStream, IoError, OutStream};
use crate::wasi::clocks::datetime;
use std::sync::Arc;
use std::time::{Duration, Instant};
use types::{DescriptorFlags, DescriptorType, ErrorCode, NewTimestamp, OpenFlags, PathFlags};
use wasmtime::component::{Resource, ResourceTableError};
use wasmtime::{Error, Result};

/// `WRIT_FD_*` of a preopened directory; the port judges each operation anyway.
const PREOPEN_FLAGS: u32 = 1 | 32;
/// `WRIT_NODE_DIRECTORY`.
const DIRECTORY: u32 = 3;

/// A handle of the tree port, closed with its last user: a descriptor or a stream made from it.
pub struct Handle {
    pub id: u64,
    ports: Ports,
    /// Preopened directories stay the port's.
    preopen: bool,
}

impl Drop for Handle {
    fn drop(&mut self) {
        if !self.preopen {
            // A close neither fails nor waits (tree.h).
            self.ports.fs_start(FsReq::new(FsOp::Close, self.id));
        }
    }
}

/// `wasi:filesystem/types.descriptor`.
pub struct Descriptor {
    file: Arc<Handle>,
    kind: u32,
    flags: DescriptorFlags,
}

/// `wasi:filesystem/types.directory-entry-stream`.
pub struct DirStream {
    dir: Arc<Handle>,
    /// Where the next listing goes on; none at the end.
    cookie: Option<u64>,
    entries: Vec<u8>,
    at: usize,
}

/// The identity that came with the last answer to `stat-at`.  C libraries ask for it right
/// behind: two calls of the guest about one answer of the port.
pub struct Seen {
    dir: u64,
    flags: u32,
    path: String,
    stat: Stat,
    pub at: Instant,
}

/// Longer, and the host may have changed the place since.
pub const SEEN_FOR: Duration = Duration::from_millis(1);

/// How a file operation fails.
pub enum FsErr {
    Code(ErrorCode),
    Trap(Error),
}

impl From<Error> for FsErr {
    fn from(e: Error) -> FsErr {
        FsErr::Trap(e)
    }
}

impl From<ResourceTableError> for FsErr {
    fn from(e: ResourceTableError) -> FsErr {
        FsErr::Trap(e.into())
    }
}

type FsResult<T> = std::result::Result<T, FsErr>;

/// The WIT error of a status.
pub fn fs_code(st: u32) -> ErrorCode {
    match st {
        status::AGAIN => ErrorCode::WouldBlock,
        status::DENIED => ErrorCode::Access,
        status::NOTPERM => ErrorCode::NotPermitted,
        status::NOENT => ErrorCode::NoEntry,
        status::EXIST => ErrorCode::Exist,
        status::LIMIT => ErrorCode::Quota,
        status::INVALID | status::NOTSYMLINK => ErrorCode::Invalid,
        status::UNSUPPORTED => ErrorCode::Unsupported,
        status::NOMEM => ErrorCode::InsufficientMemory,
        status::CANCELLED => ErrorCode::Interrupted,
        status::NOTDIR => ErrorCode::NotDirectory,
        status::ISDIR => ErrorCode::IsDirectory,
        status::NOTEMPTY => ErrorCode::NotEmpty,
        status::LOOP => ErrorCode::Loop,
        status::NAMETOOLONG => ErrorCode::NameTooLong,
        status::BADF => ErrorCode::BadDescriptor,
        status::XDEV => ErrorCode::CrossDevice,
        status::NOSPC => ErrorCode::InsufficientSpace,
        status::ROFS => ErrorCode::ReadOnly,
        status::BUSY => ErrorCode::Busy,
        status::OVERFLOW => ErrorCode::Overflow,
        _ => ErrorCode::Io,
    }
}

/// `enum writ_node_type` has the numbers of the WIT enum.
fn node_type(kind: u32) -> DescriptorType {
    match kind {
        DIRECTORY => DescriptorType::Directory,
        5 => DescriptorType::SymbolicLink,
        6 => DescriptorType::RegularFile,
        _ => DescriptorType::Unknown,
    }
}

fn stat_of(stat: &Stat) -> types::DescriptorStat {
    types::DescriptorStat {
        type_: node_type(stat.kind),
        link_count: stat.links,
        size: stat.size,
        data_access_timestamp: Some(datetime(stat.atime)),
        data_modification_timestamp: Some(datetime(stat.mtime)),
        status_change_timestamp: Some(datetime(stat.ctime)),
    }
}

fn hash_of(stat: &Stat) -> types::MetadataHashValue {
    types::MetadataHashValue {
        lower: stat.hash_lo,
        upper: stat.hash_hi,
    }
}

/// `enum writ_time_how` and its time.  Seconds beyond what the port can say are malformed.
fn new_time(t: NewTimestamp) -> FsResult<(u32, Time)> {
    match t {
        NewTimestamp::NoChange => Ok((0, Time::default())),
        NewTimestamp::Now => Ok((1, Time::default())),
        NewTimestamp::Timestamp(Datetime {
            seconds,
            nanoseconds,
        }) => {
            let s = i64::try_from(seconds).map_err(|_| FsErr::Code(ErrorCode::Overflow))?;
            if nanoseconds > 999_999_999 {
                return Err(FsErr::Code(ErrorCode::Invalid));
            }
            Ok((2, Time { s, ns: nanoseconds }))
        }
    }
}

impl State {
    fn handle(&self, fd: &Resource<Descriptor>) -> FsResult<u64> {
        Ok(self.table.get(fd)?.file.id)
    }

    /// One request; a status other than OK is the error.
    async fn fs(&mut self, req: FsReq<'_>) -> FsResult<FsDone> {
        self.seen = None;
        let done = self.ports.fs(req).await;
        match done.status {
            status::OK => Ok(done),
            st => Err(FsErr::Code(fs_code(st))),
        }
    }

    /// A request that is about `fd` alone.
    async fn fs_on(&mut self, what: FsOp, fd: &Resource<Descriptor>) -> FsResult<FsDone> {
        let req = FsReq::new(what, self.handle(fd)?);
        self.fs(req).await
    }

    /// A request that is about one path.
    async fn fs_at(
        &mut self,
        what: FsOp,
        fd: &Resource<Descriptor>,
        flags: PathFlags,
        path: &str,
    ) -> FsResult<FsDone> {
        let mut req = FsReq::new(what, self.handle(fd)?);
        req.path = path;
        req.path_flags = flags.as_array()[0];
        self.fs(req).await
    }

    /// What was seen of this place by the request before this one; asked for once.
    fn just_seen(&mut self, dir: u64, flags: u32, path: &str) -> Option<Stat> {
        let seen = self.seen.take()?;
        let same = seen.dir == dir && seen.flags == flags && seen.path == path;
        (same && seen.at.elapsed() < SEEN_FOR).then_some(seen.stat)
    }

    /// A regular file that was opened for `need`: what a stream is made from.
    fn streamable(
        &self,
        fd: &Resource<Descriptor>,
        need: DescriptorFlags,
    ) -> FsResult<Arc<Handle>> {
        let d = self.table.get(fd)?;
        if d.kind == DIRECTORY || !d.flags.contains(need) {
            return Err(FsErr::Code(ErrorCode::BadDescriptor));
        }
        Ok(d.file.clone())
    }

    /// The next part of a listing.
    async fn list(&mut self, dir: &Arc<Handle>, cookie: u64) -> FsResult<FsDone> {
        let mut req = FsReq::new(FsOp::List, dir.id);
        req.cookie = cookie;
        req.room = IO_MAX;
        self.fs(req).await
    }
}

impl DirStream {
    fn put(&mut self, done: FsDone) {
        self.cookie = (done.cookie != 0).then_some(done.cookie);
        self.entries = done.buf;
        self.at = 0;
    }

    /// The next entry at hand (tree.h says how it is encoded).
    fn next(&mut self) -> FsResult<Option<types::DirectoryEntry>> {
        let rest = &self.entries[self.at..];
        if rest.is_empty() {
            return Ok(None);
        }
        let broken = || FsErr::Code(ErrorCode::Io);
        let [kind, lo, hi, ..] = *rest else {
            return Err(broken());
        };
        let len = usize::from(u16::from_le_bytes([lo, hi]));
        let name = rest.get(3..3 + len).ok_or_else(broken)?;
        let entry = types::DirectoryEntry {
            type_: node_type(kind.into()),
            name: String::from_utf8(name.to_vec()).map_err(|_| broken())?,
        };
        self.at += 3 + len;
        Ok(Some(entry))
    }
}

impl preopens::Host for State {
    fn get_directories(&mut self) -> Result<Vec<(Resource<Descriptor>, String)>> {
        let mut list = Vec::new();
        for (name, id) in self.ports.preopens() {
            let file = Arc::new(Handle {
                id,
                ports: self.ports.clone(),
                preopen: true,
            });
            let dir = self.push(Descriptor {
                file,
                kind: DIRECTORY,
                flags: flags_of(PREOPEN_FLAGS),
            })?;
            list.push((dir, name));
        }
        Ok(list)
    }
}

/// `WRIT_FD_*` has the bits of descriptor-flags.
fn flags_of(bits: u32) -> DescriptorFlags {
    let mut flags = DescriptorFlags::empty();
    for (bit, flag) in [
        (1, DescriptorFlags::READ),
        (2, DescriptorFlags::WRITE),
        (4, DescriptorFlags::FILE_INTEGRITY_SYNC),
        (8, DescriptorFlags::DATA_INTEGRITY_SYNC),
        (16, DescriptorFlags::REQUESTED_WRITE_SYNC),
        (32, DescriptorFlags::MUTATE_DIRECTORY),
    ] {
        if bits & bit != 0 {
            flags |= flag;
        }
    }
    flags
}

impl types::Host for State {
    fn filesystem_error_code(&mut self, error: Resource<IoError>) -> Result<Option<ErrorCode>> {
        Ok(self.table.get(&error)?.fs)
    }

    fn convert_error_code(&mut self, e: FsErr) -> Result<ErrorCode> {
        match e {
            FsErr::Code(code) => Ok(code),
            FsErr::Trap(e) => Err(e),
        }
    }
}

impl types::HostDirectoryEntryStream for State {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<DirStream>,
    ) -> FsResult<Option<types::DirectoryEntry>> {
        loop {
            let listing = self.table.get_mut(&stream)?;
            if let Some(entry) = listing.next()? {
                return Ok(Some(entry));
            }
            let Some(cookie) = listing.cookie else {
                return Ok(None);
            };
            let dir = listing.dir.clone();
            let done = self.list(&dir, cookie).await?;
            self.table.get_mut(&stream)?.put(done);
        }
    }

    fn drop(&mut self, stream: Resource<DirStream>) -> Result<()> {
        self.table.delete(stream)?;
        Ok(())
    }
}

type Fd = Resource<Descriptor>;

impl types::HostDescriptor for State {
    fn read_via_stream(&mut self, fd: Fd, offset: u64) -> FsResult<Resource<InStream>> {
        let file = self.streamable(&fd, DescriptorFlags::READ)?;
        Ok(self.push(InStream::file(file, offset))?)
    }

    fn write_via_stream(&mut self, fd: Fd, offset: u64) -> FsResult<Resource<OutStream>> {
        let file = self.streamable(&fd, DescriptorFlags::WRITE)?;
        Ok(self.push(OutStream::file(file, Some(offset)))?)
    }

    fn append_via_stream(&mut self, fd: Fd) -> FsResult<Resource<OutStream>> {
        let file = self.streamable(&fd, DescriptorFlags::WRITE)?;
        Ok(self.push(OutStream::file(file, None))?)
    }

    async fn advise(&mut self, fd: Fd, _: u64, _: u64, _: types::Advice) -> FsResult<()> {
        self.streamable(&fd, DescriptorFlags::empty())?;
        Ok(())
    }

    async fn sync_data(&mut self, fd: Fd) -> FsResult<()> {
        self.fs_on(FsOp::SyncData, &fd).await?;
        Ok(())
    }

    fn get_flags(&mut self, fd: Fd) -> FsResult<DescriptorFlags> {
        Ok(self.table.get(&fd)?.flags)
    }

    fn get_type(&mut self, fd: Fd) -> FsResult<DescriptorType> {
        Ok(node_type(self.table.get(&fd)?.kind))
    }

    async fn set_size(&mut self, fd: Fd, size: u64) -> FsResult<()> {
        let mut req = FsReq::new(FsOp::SetSize, self.handle(&fd)?);
        req.size = size;
        self.fs(req).await?;
        Ok(())
    }

    async fn set_times(
        &mut self,
        fd: Fd,
        atime: NewTimestamp,
        mtime: NewTimestamp,
    ) -> FsResult<()> {
        let mut req = FsReq::new(FsOp::SetTimes, self.handle(&fd)?);
        req.atime = new_time(atime)?;
        req.mtime = new_time(mtime)?;
        self.fs(req).await?;
        Ok(())
    }

    async fn read(&mut self, fd: Fd, len: u64, offset: u64) -> FsResult<(Vec<u8>, bool)> {
        let mut req = FsReq::new(FsOp::Read, self.handle(&fd)?);
        req.offset = offset;
        req.room = len.min(IO_MAX as u64) as usize;
        let done = self.fs(req).await?;
        Ok((done.buf, done.count == 0 && len > 0))
    }

    async fn write(&mut self, fd: Fd, mut bytes: Vec<u8>, offset: u64) -> FsResult<u64> {
        bytes.truncate(IO_MAX);
        let mut req = FsReq::new(FsOp::Write, self.handle(&fd)?);
        req.offset = offset;
        req.buf = bytes;
        Ok(self.fs(req).await?.count as u64)
    }

    async fn read_directory(&mut self, fd: Fd) -> FsResult<Resource<DirStream>> {
        let d = self.table.get(&fd)?;
        if d.kind != DIRECTORY {
            return Err(FsErr::Code(ErrorCode::NotDirectory));
        }
        // The first part now: a missing right shows here, not at the first entry.
        let dir = d.file.clone();
        let done = self.list(&dir, 0).await?;
        let mut stream = DirStream {
            dir,
            cookie: None,
            entries: Vec::new(),
            at: 0,
        };
        stream.put(done);
        Ok(self.push(stream)?)
    }

    async fn sync(&mut self, fd: Fd) -> FsResult<()> {
        self.fs_on(FsOp::Sync, &fd).await?;
        Ok(())
    }

    async fn create_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        self.fs_at(FsOp::Mkdir, &fd, PathFlags::empty(), &path)
            .await?;
        Ok(())
    }

    async fn stat(&mut self, fd: Fd) -> FsResult<types::DescriptorStat> {
        Ok(stat_of(&self.fs_on(FsOp::Stat, &fd).await?.stat))
    }

    async fn stat_at(
        &mut self,
        fd: Fd,
        flags: PathFlags,
        path: String,
    ) -> FsResult<types::DescriptorStat> {
        let stat = self.fs_at(FsOp::StatAt, &fd, flags, &path).await?.stat;
        self.seen = Some(Seen {
            dir: self.handle(&fd)?,
            flags: flags.as_array()[0],
            path,
            stat,
            at: Instant::now(),
        });
        Ok(stat_of(&stat))
    }

    async fn set_times_at(
        &mut self,
        fd: Fd,
        flags: PathFlags,
        path: String,
        atime: NewTimestamp,
        mtime: NewTimestamp,
    ) -> FsResult<()> {
        let mut req = FsReq::new(FsOp::SetTimesAt, self.handle(&fd)?);
        req.path = &path;
        req.path_flags = flags.as_array()[0];
        req.atime = new_time(atime)?;
        req.mtime = new_time(mtime)?;
        self.fs(req).await?;
        Ok(())
    }

    async fn link_at(
        &mut self,
        fd: Fd,
        flags: PathFlags,
        old: String,
        new_fd: Fd,
        new: String,
    ) -> FsResult<()> {
        let mut req = FsReq::new(FsOp::Link, self.handle(&fd)?);
        req.handle2 = self.handle(&new_fd)?;
        req.path_flags = flags.as_array()[0];
        (req.path, req.path2) = (&old, &new);
        self.fs(req).await?;
        Ok(())
    }

    async fn open_at(
        &mut self,
        fd: Fd,
        path_flags: PathFlags,
        path: String,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Fd> {
        let mut req = FsReq::new(FsOp::Open, self.handle(&fd)?);
        req.path = &path;
        req.path_flags = path_flags.as_array()[0];
        req.open_flags = open_flags.as_array()[0];
        req.fd_flags = flags.as_array()[0];
        let done = self.fs(req).await?;
        let file = Arc::new(Handle {
            id: done.handle,
            ports: self.ports.clone(),
            preopen: false,
        });
        Ok(self.push(Descriptor {
            file,
            kind: done.kind,
            flags: flags_of(done.fd_flags),
        })?)
    }

    async fn readlink_at(&mut self, fd: Fd, path: String) -> FsResult<String> {
        let mut req = FsReq::new(FsOp::Readlink, self.handle(&fd)?);
        req.path = &path;
        req.room = IO_MAX;
        let done = self.fs(req).await?;
        String::from_utf8(done.buf).map_err(|_| FsErr::Code(ErrorCode::IllegalByteSequence))
    }

    async fn remove_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        self.fs_at(FsOp::Rmdir, &fd, PathFlags::empty(), &path)
            .await?;
        Ok(())
    }

    async fn rename_at(&mut self, fd: Fd, old: String, new_fd: Fd, new: String) -> FsResult<()> {
        let mut req = FsReq::new(FsOp::Rename, self.handle(&fd)?);
        req.handle2 = self.handle(&new_fd)?;
        (req.path, req.path2) = (&old, &new);
        self.fs(req).await?;
        Ok(())
    }

    async fn symlink_at(&mut self, fd: Fd, says: String, at: String) -> FsResult<()> {
        let mut req = FsReq::new(FsOp::Symlink, self.handle(&fd)?);
        (req.path, req.path2) = (&says, &at);
        self.fs(req).await?;
        Ok(())
    }

    async fn unlink_file_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        self.fs_at(FsOp::Unlink, &fd, PathFlags::empty(), &path)
            .await?;
        Ok(())
    }

    async fn is_same_object(&mut self, a: Fd, b: Fd) -> Result<bool> {
        let (a, b) = (self.table.get(&a)?.file.id, self.table.get(&b)?.file.id);
        if a == b {
            return Ok(true);
        }
        let a = self.ports.fs(FsReq::new(FsOp::Stat, a)).await;
        let b = self.ports.fs(FsReq::new(FsOp::Stat, b)).await;
        let known = a.status == status::OK && b.status == status::OK;
        let of = |d: &FsDone| (d.stat.hash_hi, d.stat.hash_lo);
        Ok(known && of(&a) == of(&b))
    }

    async fn metadata_hash(&mut self, fd: Fd) -> FsResult<types::MetadataHashValue> {
        Ok(hash_of(&self.fs_on(FsOp::Stat, &fd).await?.stat))
    }

    async fn metadata_hash_at(
        &mut self,
        fd: Fd,
        flags: PathFlags,
        path: String,
    ) -> FsResult<types::MetadataHashValue> {
        let dir = self.handle(&fd)?;
        let stat = match self.just_seen(dir, flags.as_array()[0], &path) {
            Some(stat) => stat,
            None => self.fs_at(FsOp::StatAt, &fd, flags, &path).await?.stat,
        };
        Ok(hash_of(&stat))
    }

    fn drop(&mut self, fd: Fd) -> Result<()> {
        self.table.delete(fd)?;
        Ok(())
    }
}
