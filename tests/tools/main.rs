//! The administrator's commands on the real binary, the manual and the report.

mod access;
mod admin;
mod admin_domains;
mod answer;
mod check;
mod copies;
mod explain;
mod hostile;
mod import;
mod manual;
mod mutations;
mod report;
mod service;
