//! The administrator's commands on the real binary, the manual and the report.

mod access;
mod answer;
mod check;
mod control_socket;
mod copies;
mod database;
mod domains;
mod explain;
mod hostile;
mod import;
mod manual;
mod mutations;
mod records;
mod report;
mod service;
