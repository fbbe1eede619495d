//! Wrong lines among recipients, as people wrote them.

use super::assert_recognised;

macro_rules! lines {
    ($($name:ident: $line:expr => $kind:literal, $remedy:expr;)*) => {$(
        #[test]
        fn $name() {
            assert_recognised("recipients", $line, $kind, $remedy);
        }
    )*};
}

lines! {
    a_domain_behind_an_at: "@example.com" => "at-domain", "example.com";
    any_user_of_a_domain: "*@example.com" => "wildcard", "example.com";
    a_user_of_any_domain_with_a_star: "user@*" => "wildcard", "user@";
    a_bare_user: "postmaster" => "bare-user", "postmaster@";
    everybody: "/.*/" => "everybody", "say what is meant";
}
