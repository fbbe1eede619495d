//! Real mail servers and a real Debian package. Needs root and takes minutes;
//! what cannot run is skipped and reported.

mod chroot;
mod opensmtpd;
mod package;
mod package_relations;
mod postfix;
mod proxy;
mod sendmail;
mod smtp;
