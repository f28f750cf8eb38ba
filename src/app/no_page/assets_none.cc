// Stands in when the page is not built (SL_UI=OFF).
#include "app/up/assets.h"

namespace sl::up {

const std::vector<Asset>& assets() {
  static const std::vector<Asset> none;
  return none;
}

}  // namespace sl::up
