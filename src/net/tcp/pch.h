// Precompiled header of every folder that drives sockets: Asio costs seconds a translation unit otherwise.
#pragma once
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <string>
#include <vector>
#include <memory>
#include <functional>
#include <map>
#include <fmt/format.h>
