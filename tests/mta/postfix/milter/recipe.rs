//! The recipe for Postfix in debian/README.sendmail.

use crate::DEFERRED;
use crate::postfix::client;
use crate::postfix::instance::Postfix;
use testkit::{Daemon, Program, free_port};

const RECIPES: &str = include_str!("../../../../debian/README.sendmail");

const PORT: &str = "10022";

#[test]
fn the_recipe_works_for_a_postfix_in_a_chroot() {
    testkit::needs!(testkit::root_for("Postfix"));
    let is_setting =
        |line: &&str| line.starts_with("smtpd_milters =") || line.starts_with("milter_");
    let recipe: Vec<_> = RECIPES.lines().map(str::trim).filter(is_setting).collect();
    assert_eq!(recipe.len(), 2, "{recipe:?}");
    assert!(RECIPES.contains(&format!("--milter={PORT}")));
    let port = free_port().to_string();
    let daemon = Daemon::builder(Program::Ours).arg(format!("--milter={port}")).start();
    let recipe = recipe.join("\n").replace(PORT, &port);
    let postfix = Postfix::start_in_chroot(&format!(
        "smtpd_recipient_restrictions = reject_unauth_destination\n{recipe}\n"
    ));
    assert_eq!(postfix.offer(&client("198.51.100.7")), [DEFERRED]);
    crate::assert_in_manual(DEFERRED);
    daemon.stop();
}
