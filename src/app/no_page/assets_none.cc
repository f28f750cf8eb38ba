// Stands in when the page is not built (SL_UI=OFF).
#include "app/rest/assets.h"

namespace sl::rest {

const std::vector<Asset>& assets() {
  static const std::vector<Asset> none;
  return none;
}

}  // namespace sl::rest
