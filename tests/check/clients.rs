//! Wrong lines among clients, as people wrote them.

use super::assert_recognised;

/// One test for each line; its name says what the line is.
macro_rules! lines {
    ($($name:ident: $line:expr => $kind:literal, $remedy:expr;)*) => {$(
        #[test]
        fn $name() {
            assert_recognised("clients", $line, $kind, $remedy);
        }
    )*};
}

// Asked in threads of schweikert/postgrey.
lines! {
    a_sender_among_clients: "kao@foobar.com" => "mail-address", "check_sender_access";
    a_pattern_with_a_repeated_anchor: "/^*.outbound.protection.outlook.com$/"
        => "pattern-for-domain", "outbound.protection.outlook.com";
    a_pattern_without_slashes: r"^*\.outbound\.protection\.outlook\.com$"
        => "pattern-without-slashes", "outbound.protection.outlook.com";
    a_wildcard_of_a_domain: "*.outbound.protection.outlook.com"
        => "wildcard", "outbound.protection.outlook.com";
}

// From public lists and their guides.
lines! {
    a_pattern_for_a_domain: r"/.*\.websitewelcome\.com$/"
        => "pattern-for-domain", "websitewelcome.com";
    a_wildcard_from_a_list_of_sqlgrey: "*.southwest.com" => "wildcard", "southwest.com";
    a_wildcard_of_a_subdomain: "*.scd.yahoo.com" => "wildcard", "scd.yahoo.com";
    a_postfix_table_with_ok: "example2.tld OK" => "blank", "example2.tld";
    a_postfix_table_with_a_reply: "example.tld 554 Spam not tolerated here"
        => "blank", "example.tld";
    one_number_from_a_postfix_table: "10" => "cut-address", "10.0.0.0/8";
    two_numbers_from_a_postfix_table: "172.16" => "two-numbers", "172.16.0.0/16";
    a_short_network_in_a_remark_of_postfix: "192.168.4/24" => "short-network", "192.168.4.0/24";
    two_numbers_and_a_length: "172.16/16" => "short-network", "172.16.0.0/16";
    a_cut_address_with_its_dot: "192.168." => "cut-address", "192.168.0.0/16";
    a_netmask_from_exims_guide: "10.0.0.0/255.0.0.0" => "netmask", "10.0.0.0/8";
    an_exim_pattern: r"^..crm[hx]c..\.comcast\.net"
        => "pattern-without-slashes", r"/^..crm[hx]c..\.comcast\.net$/";
    an_ipv6_address_in_rmilters_brackets: "[::1]/128" => "brackets", "::1/128";
}
