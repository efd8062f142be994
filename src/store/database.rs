//! Opening a run's database, and the words of its errors.

use std::collections::HashSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use duckdb::{AccessMode, Config, Connection};

use super::StoreError;
use super::files::{file_error, sync_dir};
use super::schema::{Column, Columns, Layout, Table, ddl};
use super::seal::wal;

/// Names a database error.
pub(super) fn failed(what: &'static str) -> impl Fn(duckdb::Error) -> StoreError {
    move |error| StoreError::Database { what, why: error.to_string() }
}

/// Creates the database with all it will ever be given, and makes it durable.
pub(super) fn create(path: &Path, layout: &Layout) -> Result<Connection, StoreError> {
    let connection = connect(path, AccessMode::ReadWrite)?;
    make_private(path)?;
    connection.execute_batch(&ddl(layout)).map_err(failed("create the run's tables"))?;
    connection.execute_batch("CHECKPOINT").map_err(failed("checkpoint the run"))?;
    sync_dir(path.parent().unwrap_or(Path::new(".")))?;
    Ok(connection)
}

/// Opens a database that exists, and checks that its base tables have the columns of a format that this version knows,
/// or more.
pub(super) fn open(path: &Path, read_only: bool) -> Result<(Connection, Layout), StoreError> {
    check_files(path)?;
    let mode = if read_only { AccessMode::ReadOnly } else { AccessMode::ReadWrite };
    if !read_only {
        make_private(path)?;
    }
    let connection = connect(path, mode)?;
    let layout = layout_of(&connection)?;
    Ok((connection, layout))
}

/// The database opens its files by their paths, and follows links.
fn check_files(path: &Path) -> Result<(), StoreError> {
    let lost = || StoreError::Missing(format!("the run's database {}", path.display()));
    let wal = wal(path);
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Err(StoreError::Unreadable(format!("{} is not a regular file", path.display()))),
        Err(_) => return Err(lost()),
    }
    match fs::symlink_metadata(&wal) {
        Ok(found) if !found.is_file() => {
            Err(StoreError::Unreadable(format!("{} is not a regular file", wal.display())))
        }
        _ => Ok(()),
    }
}

/// Takes a file from everybody but its owner: the database makes its files as the system is set.
fn make_private(path: &Path) -> Result<(), StoreError> {
    let made = fs::set_permissions(path, Permissions::from_mode(0o600));
    made.map_err(file_error("protect", path))
}

/// Opens a database as all are opened here: one thread, bounded memory, no access to anything else.
pub(super) fn connect(path: &Path, mode: AccessMode) -> Result<Connection, StoreError> {
    let reads = matches!(mode, AccessMode::ReadOnly);
    // A cache of what was read; to write, all that one checkpoint packs has to fit too. What the database's own log holds
    // is in memory.
    let logged = fs::symlink_metadata(wal(path)).map_or(0, |found| found.blocks()) / 2048;
    let memory = if reads { format!("{}MB", 128 + 8 * logged.min(1024)) } else { "512MB".to_owned() };
    let config = Config::default()
        .access_mode(mode)
        .and_then(|config| config.enable_autoload_extension(false))
        .and_then(|config| config.threads(1))
        .and_then(|config| config.max_memory(&memory))
        // Small blocks: eight almost empty tables take 28 kB instead of 274 kB.
        .and_then(|config| config.with("default_block_size", "16384"))
        .and_then(|config| config.with("checkpoint_threshold", "256MB"))
        // To read a run must not make a folder in it.
        .and_then(|config| if reads { config.with("temp_directory", "") } else { Ok(config) })
        .map_err(failed("set the database up"))?;
    let connection = Connection::open_with_flags(path, config).map_err(|error| locked_or(&error))?;
    // After opening: the database's own files are then already allowed.
    connection
        .execute_batch("SET enable_external_access = false; SET lock_configuration = true;")
        .map_err(failed("set the database up"))?;
    // Room for the reads and the inserts of every table.
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// `Could not set lock on file "…": Conflicting lock is held in … (PID 12)` means that it is in use.
fn locked_or(error: &duckdb::Error) -> StoreError {
    let why = error.to_string();
    if !why.contains("Could not set lock on file") {
        return StoreError::Database { what: "open the run's database", why };
    }
    let after = why.split_once("(PID ").map_or("", |(_, after)| after);
    let pid: String = after.chars().take_while(char::is_ascii_digit).collect();
    StoreError::Locked { pid: if pid.is_empty() { "unknown".to_owned() } else { pid } }
}

/// Only base tables are read, and only of the expected shape: a file from elsewhere can't put a view in their place.
fn layout_of(connection: &Connection) -> Result<Layout, StoreError> {
    const TABLES: &str = "SELECT table_name FROM duckdb_tables() \
        WHERE schema_name = 'main' AND database_name = current_database()";
    let fault = failed("read the run's tables");
    let mut statement = connection.prepare(TABLES).map_err(&fault)?;
    let tables = statement.query_map([], |row| row.get(0)).and_then(Iterator::collect::<Result<HashSet<String>, _>>);
    let tables = tables.map_err(&fault)?;
    let wrong =
        |table: Table| StoreError::Damaged(format!("its table {} does not have the expected columns", table.name()));
    if tables.is_empty() {
        // They are made in one transaction.
        let why = "its tables: its process died while it made the run, and nothing of it was recorded";
        return Err(StoreError::Missing(why.to_owned()));
    }
    if let Some(lost) = Table::ALL.into_iter().find(|table| !tables.contains(table.name())) {
        return Err(wrong(lost));
    }
    let [events, actions, changes, texts] = Table::ALL.map(|table| columns(connection, table));
    let found = [events.map_err(&fault)?, actions.map_err(&fault)?, changes.map_err(&fault)?, texts.map_err(&fault)?];
    Layout::checked(found).map_err(wrong)
}

/// Name and type of a table's columns as the database has them. (Asking for this one table is much cheaper than a look
/// into the list of all columns, which would take longer than opening the database.)
fn columns(connection: &Connection, table: Table) -> duckdb::Result<Columns> {
    let sql = format!("SELECT name, type FROM pragma_table_info('main.{}') ORDER BY cid", table.name());
    let mut statement = connection.prepare(&sql)?;
    let column = |row: &duckdb::Row<'_>| {
        let (name, kind): (String, String) = (row.get(0)?, row.get(1)?);
        Ok(Column { name: name.into(), kind: kind.into() })
    };
    statement.query_map([], column)?.collect::<duckdb::Result<_>>().map(Columns::of)
}

/// Watches the write-ahead log: the database syncs its content, but not its folder's entry when it is made anew.
pub(super) struct WalWatch {
    path: PathBuf,
    inode: Option<u64>,
}

impl WalWatch {
    /// Watches the log beside a database.
    pub(super) fn new(database: &Path) -> Self {
        Self { path: wal(database), inode: None }
    }

    /// After a commit: syncs the folder when the log is a new file.
    pub(super) fn committed(&mut self) -> Result<(), StoreError> {
        let inode = fs::symlink_metadata(&self.path).ok().map(|found| found.ino());
        if inode != self.inode {
            if inode.is_some() {
                make_private(&self.path)?;
            }
            sync_dir(self.path.parent().unwrap_or(Path::new(".")))?;
            self.inode = inode;
        }
        Ok(())
    }
}
