// Precompiled header of every folder that drives sockets: Asio costs seconds a translation unit otherwise.
#pragma once
#include <fmt/format.h>
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>
