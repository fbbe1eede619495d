use super::*;

/// All rows of `connect` and `greylisting_tracking` with their lines, values
/// between bars.
fn rows(text: &[u8]) -> Vec<String> {
    let mut rows = Vec::new();
    read(text, &["connect", "greylisting_tracking"], |item| {
        rows.push(match item {
            Item::Broken { line } => format!("{line} broken"),
            Item::Row(row) => {
                let values: Vec<String> = row.values.iter().map(shown).collect();
                let columns = row.columns.join(",");
                format!("{} {}({columns}) {}", row.line, row.table, values.join("|"))
            }
        });
    })
    .unwrap();
    rows
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_string(),
        Value::Bytes(bytes) => bytes.escape_ascii().to_string(),
        Value::Other => "?".to_string(),
    }
}

fn check(text: &str, expected: &[&str]) {
    assert_eq!(rows(text.as_bytes()), expected, "{text}");
}

#[test]
fn rows_of_sqlite_s_dump_are_read() {
    check(
        "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n\
         CREATE TABLE config (parameter varchar(255) NOT NULL, PRIMARY KEY (parameter));\n\
         INSERT INTO config VALUES('it''s; (not) a row','\\');\n\
         CREATE TABLE connect (sender_name varchar(64) NOT NULL, src varchar(39), \"Key\" text, \
         first_seen timestamp NOT NULL DEFAULT (now('x')), PRIMARY KEY (src, rcpt));\n\
         INSERT INTO connect VALUES('o''brien\\','1.2.3',NULL,1092571200);\n\
         INSERT INTO \"connect\" VALUES(replace('a\\nb','\\n',char(10)),X'41',-1,2);\n\
         CREATE INDEX connect_idx ON connect (src);\nCOMMIT;\n",
        &[
            "6 connect(sender_name,src,key,first_seen) o\\'brien\\\\|1.2.3|NULL|1092571200",
            "7 connect(sender_name,src,key,first_seen) ?|?|?|2",
        ],
    );
}

#[test]
fn rows_of_mysqldump_are_read() {
    check(
        "-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)\n\
         /*!40103 SET TIME_ZONE='+00:00' */;\n\
         DROP TABLE IF EXISTS `connect`;\n\
         /*!40101 SET character_set_client = utf8 */;\n\
         CREATE TABLE `connect` (\n  `sender_name` varchar(64) NOT NULL,\n  \
         `first_seen` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,\n  \
         KEY `connect_idx` (`src`,`sender_domain`)\n) ENGINE=MyISAM;\n\
         /*!40000 ALTER TABLE `connect` DISABLE KEYS */;\n\
         INSERT INTO `connect` VALUES ('o\\'br\\\\ien','2004-08-15 12:00:00'),\
         (_binary 'a\\nb;(\\0',0x41),('','');\n\
         REPLACE INTO `sqlgrey`.`connect` (`first_seen`, `sender_name`) VALUES ('x',DEFAULT);\n\
         /*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;\n-- Dump completed\n",
        &[
            "11 connect(sender_name,first_seen) o\\'br\\\\ien|2004-08-15 12:00:00",
            "11 connect(sender_name,first_seen) a\\nb;(\\x00|0x41",
            "11 connect(sender_name,first_seen) |",
            "12 connect(first_seen,sender_name) x|?",
        ],
    );
}

#[test]
fn rows_of_pg_dump_are_read() {
    check(
        "--\n-- PostgreSQL database dump\n--\n\\restrict abc'def\nSET client_encoding = 'UTF8';\n\
         CREATE TABLE public.connect (\n    sender_name character varying(64) NOT NULL,\n    \
         first_seen timestamp without time zone NOT NULL\n);\n\
         COPY public.other (a) FROM stdin;\nINSERT INTO connect VALUES ('x');\n\\.\n\n\
         COPY public.connect (sender_name, first_seen) FROM stdin;\n\
         o'br\\\\i\\ten\t2004-08-15 12:00:00.5\n\\N\t\n\\.\n\n\
         INSERT INTO public.\"connect\" VALUES ('a\\b', '2004'::timestamp(0)), (E'a\\\\b', null);\n",
        &[
            "15 connect(sender_name,first_seen) o\\'br\\\\i\\ten|2004-08-15 12:00:00.5",
            "16 connect(sender_name,first_seen) NULL|",
            "19 connect(sender_name,first_seen) a\\\\b|2004",
            "19 connect(sender_name,first_seen) a\\\\b|NULL",
        ],
    );
}

#[test]
fn times_are_in_utc_where_the_dump_says_so() {
    let is_utc = |text: &str| {
        let mut answer = None;
        read(text.as_bytes(), &["t"], |item| {
            if let Item::Row(row) = item {
                answer = Some(row.is_utc);
            }
        })
        .unwrap();
        answer.unwrap()
    };
    assert!(!is_utc("INSERT INTO t VALUES (1);"));
    assert!(is_utc("/*!40103 SET TIME_ZONE='+00:00' */;\nINSERT INTO t VALUES (1);"));
    assert!(is_utc("SET TIME ZONE 'x'; SET time_zone TO 'UTC'; INSERT INTO t VALUES (1);"));
    assert!(!is_utc("SET TIME_ZONE='+02:00'; INSERT INTO t VALUES (1);"));
}

#[test]
fn a_broken_line_spoils_no_other_line() {
    check(
        "INSERT INTO connect VALUES ('a'),('lost quote,1),('b');\nINSERT INTO connect VALUES ('c');",
        &["1 connect() a", "1 broken", "2 connect() c"],
    );
    // Each row on a line of its own.
    check(
        "INSERT INTO connect VALUES\n('a'),\n('b,\n('c'),\n('d');\nINSERT INTO connect VALUES ('e')",
        &["2 connect() a", "3 broken", "4 connect() c", "5 connect() d", "6 connect() e"],
    );
    for broken in [
        "INSERT INTO connect VALUES ('a'",
        "INSERT INTO connect VALUES (1;",
        "INSERT INTO connect SELECT 1",
        "INSERT INTO connect VALUES 1",
    ] {
        let text = format!("{broken}\nINSERT INTO connect VALUES ('b');\n");
        let rows = rows(text.as_bytes());
        assert_eq!(rows.last().map(String::as_str), Some("2 connect() b"), "{broken}: {rows:?}");
        assert!(rows[0].ends_with("broken"), "{broken}: {rows:?}");
    }
    check("COPY connect (a) FROM stdin;\nx\ny", &["2 connect(a) x", "3 broken"]);
    check("COMMENT 'without end", &["1 broken"]);
}

#[test]
fn what_is_very_long_is_not_kept() {
    let long = "x".repeat(100_000);
    check(
        &format!(
            "INSERT INTO connect VALUES ('{long}',1);\nCOPY connect (a) FROM stdin;\n{long}\n\\.\n"
        ),
        &["1 connect() ?|1", "3 broken"],
    );
}

#[test]
fn a_dump_is_told_from_other_texts() {
    for start in ["-- MySQL dump", "\n/*!40101", "pragma foreign_keys=OFF;", "Insert into x"] {
        assert!(is_dump(start.as_bytes()), "{start}");
    }
    for start in ["", "VERSION=3\nformat=print", "hello", "SQLite format 3\0", "beg"] {
        assert!(!is_dump(start.as_bytes()), "{start}");
    }
}
