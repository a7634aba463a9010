// How main.cf names what smtpseal.toml configures, and the other way round. Pure but for the file system's
// links.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "postfix_setup.hpp"

namespace smtpseal::cli {

// "smtpseal:unix:smtpseal/relay": a transport(5) value.
struct TransportValue {
  std::string service;
  std::string endpoint;
};
TransportValue parse_transport(const std::string& text);

// "socketmap:unix:smtpseal/policyd:transport": a map that is asked for at an endpoint.
struct SocketmapName {
  std::string endpoint;
  std::string map;
};
std::optional<SocketmapName> parse_socketmap(const std::string& table);

// Whether both lead to the same socket; `of_postfix` may be relative to the queue directory.
bool is_same_socket(const PostfixSetup& setup, const std::string& of_postfix, const std::string& of_smtpseal);
bool is_one_of(const PostfixSetup& setup, const std::string& of_postfix,
               const std::vector<std::string>& ours);

// An endpoint of smtpseal.toml as main.cf should name it: below the queue directory relative to it, so that
// it means the same inside and outside a chroot.
std::string for_postfix(const PostfixSetup& setup, const std::string& endpoint);

// An element of smtpd_milters: its endpoint, without the braces and settings around it.
std::string milter_endpoint(const std::string& element);
// The restriction of a list that asks a policy service at one of `ours`: its place; nullopt: there is none.
std::optional<std::size_t> policy_place(const PostfixSetup& setup,
                                        const std::vector<std::string>& restrictions,
                                        const std::vector<std::string>& ours);

}  // namespace smtpseal::cli
