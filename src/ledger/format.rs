//! The format of the file: how it is recognised, created and brought up to date.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::error::{Error, Fault};

/// `PRAGMA application_id` of a ledger: "ferr" in ASCII.
const APPLICATION_ID: i64 = 0x6665_7272;

/// What leads from each format to the next; a file's `user_version` is how many of these it has
/// seen. Released entries never change: a new format is a new entry.
const MIGRATIONS: &[&str] = &[
    include_str!("schema.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
    include_str!("schema_5.sql"),
];

/// What a file turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A database without anything in it, such as a first run killed early leaves.
    Empty,
    /// A ledger of a format that this build knows.
    Ledger,
}

/// Recognises the file, without writing to it.
pub(super) fn recognise(connection: &Connection, path: &Path) -> Result<Found, Error> {
    recognise_up_to(connection, path, MIGRATIONS)
}

/// Creates the tables or brings them up to date, all in one transaction.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), Error> {
    migrate_by(connection, path, MIGRATIONS)
}

fn recognise_up_to(
    connection: &Connection,
    path: &Path,
    migrations: &[&str],
) -> Result<Found, Error> {
    let number = |sql: &str| {
        connection
            .query_row(sql, [], |row| row.get::<_, i64>(0))
            .map_err(|error| Fault::from(error).at(path))
    };
    let application = number("PRAGMA application_id")?;
    let found = number("PRAGMA user_version")?;
    if application == 0 && found == 0 && number("SELECT count(*) FROM sqlite_schema")? == 0 {
        return Ok(Found::Empty);
    }
    if application != APPLICATION_ID || found < 1 {
        let detail = "it is a database of another program".to_owned();
        return Err(Error::Corrupt { path: path.to_path_buf(), detail, opening: true });
    }
    let known = format_of(migrations);
    if found > known {
        return Err(Error::Newer { path: path.to_path_buf(), found, known });
    }
    Ok(Found::Ledger)
}

fn migrate_by(connection: &mut Connection, path: &Path, migrations: &[&str]) -> Result<(), Error> {
    recognise_up_to(connection, path, migrations)?;
    let mut run = || -> Result<(), rusqlite::Error> {
        let known = format_of(migrations);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if found < known {
            for sql in migrations.iter().skip(usize::try_from(found).unwrap_or(0)) {
                transaction.execute_batch(sql)?;
            }
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", known)?;
        }
        transaction.commit()
    };
    run().map_err(|error| Fault::from(error).at(path))
}

fn format_of(migrations: &[&str]) -> i64 {
    i64::try_from(migrations.len()).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "that is how a test fails")]
mod tests {
    use super::*;

    /// All migrations, and one that this build does not know.
    fn and(more: &'static str) -> Vec<&'static str> {
        [MIGRATIONS, &[more]].concat()
    }

    fn version(connection: &Connection) -> i64 {
        connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn migrates_one_by_one_and_once() {
        let mut connection = Connection::open_in_memory().unwrap();
        let path = Path::new("x.db");
        assert_eq!(recognise(&connection, path).unwrap(), Found::Empty);
        let more = and("ALTER TABLE runs ADD COLUMN host TEXT;");
        for known in 1..=more.len() {
            for _ in 0..2 {
                migrate_by(&mut connection, path, &more[..known]).unwrap();
                assert_eq!(recognise_up_to(&connection, path, &more).unwrap(), Found::Ledger);
                assert_eq!(version(&connection), format_of(&more[..known]));
            }
        }
        connection.execute_batch("SELECT host FROM runs").unwrap();
        // This build knows one less.
        assert!(matches!(
            migrate(&mut connection, path),
            Err(Error::Newer { found: 6, known: 5, .. })
        ));
    }

    #[test]
    fn a_failed_migration_leaves_the_file_as_it_was() {
        let mut connection = Connection::open_in_memory().unwrap();
        let path = Path::new("x.db");
        migrate(&mut connection, path).unwrap();
        let broken = "CREATE TABLE more (id INTEGER); SELECT * FROM nowhere;";
        let broken = migrate_by(&mut connection, path, &and(broken));
        assert!(matches!(broken, Err(Error::Sqlite { .. })));
        assert_eq!(version(&connection), format_of(MIGRATIONS));
        assert!(connection.execute_batch("SELECT * FROM more").is_err());
    }

    #[test]
    fn refuses_a_database_of_another_program() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE bookmarks (url TEXT)").unwrap();
        let outcome = migrate(&mut connection, Path::new("x.db"));
        assert!(matches!(outcome, Err(Error::Corrupt { .. })), "{outcome:?}");
        assert_eq!(version(&connection), 0);
    }
}
