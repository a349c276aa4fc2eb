// A CUDA device that computes nothing, for a build of PyTorch that has none.
//
// A build of PyTorch for the CPU refuses to record gradients of tensors on "cuda", since nobody
// answers there which device and which stream are current. This file answers: one device, one
// stream, nothing to wait for. Tensors without data (torch._subclasses.FakeTensor) can then go
// through forward pass, backward pass, autocast("cuda") and optimizer, on the paths that a GPU
// takes. It is loaded after libtorch_cpu.so and before `import torch`.
//
// It also chooses the kernel of scaled_dot_product_attention, as PyTorch 2.11 to 2.13, built for
// CUDA 13 with cuDNN newer than 9.15, does on a GPU of compute capability 9.0 (H100, H200).

#include <array>

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/native/transformers/attention.h>
#include <ATen/native/transformers/sdp_utils_cpp.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

namespace at {
namespace {

constexpr DeviceType kCuda = DeviceType::CUDA;

struct OneDevice final : c10::impl::DeviceGuardImplInterface {
  DeviceType type() const override { return kCuda; }
  DeviceIndex deviceCount() const noexcept override { return 1; }
  Device getDevice() const override { return {kCuda, 0}; }
  Device exchangeDevice(Device) const override { return getDevice(); }
  void setDevice(Device) const override {}
  void uncheckedSetDevice(Device) const noexcept override {}

  static Stream only_stream() { return Stream(Stream::DEFAULT, Device(kCuda, 0)); }
  Stream getStream(Device) const override { return only_stream(); }
  Stream getDefaultStream(Device) const override { return only_stream(); }
  Stream getNewStream(Device, int) const override { return only_stream(); }
  Stream getStreamFromGlobalPool(Device, bool) const override { return only_stream(); }
  Stream exchangeStream(Stream) const override { return only_stream(); }
  bool queryStream(const Stream&) const override { return true; }
  void synchronizeStream(const Stream&) const override {}

  void record(void**, const Stream&, const DeviceIndex, const EventFlag) const override {}
  void block(void*, const Stream&) const override {}
  bool queryEvent(void*) const override { return true; }
  void destroyEvent(void*, const DeviceIndex) const noexcept override {}
};

}  // namespace

C10_REGISTER_GUARD_IMPL(CUDA, OneDevice)

// The registry finds the class by this name.
struct CUDAHooks final : CUDAHooksInterface {
  explicit CUDAHooks(CUDAHooksArgs) {}
  void init() const override {}
  bool isBuilt() const override { return true; }
  bool hasCUDA() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(DeviceIndex) const override { return true; }
  DeviceIndex deviceCount() const override { return 1; }
  DeviceIndex getCurrentDevice() const override { return 0; }
  Allocator* getPinnedMemoryAllocator() const override { return getCPUAllocator(); }
};

REGISTER_CUDA_HOOKS(CUDAHooks)

namespace {

using sdp::SDPBackend;
using sdp::sdp_params;

constexpr bool kQuiet = false;

bool is_low_precision(const sdp_params& call) {
  return call.query.scalar_type() == kHalf || call.query.scalar_type() == kBFloat16;
}

// Conditions of every fused kernel.
bool is_dense(const sdp_params& call) {
  return sdp::check_tensor_shapes(call, kQuiet) &&
      sdp::check_nonzero_sequence_lengths_dense(call, kQuiet);
}

bool cudnn_takes(const sdp_params& call) {
  const int64_t d_k = call.query.size(3), d_v = call.value.size(3);
  const double sixteenths = call.dropout * 16;
  return globalContext().userEnabledCuDNNSDP() && is_dense(call) && is_low_precision(call) &&
      !globalContext().deterministicAlgorithms() && sdp::check_attn_mask_shape(call, kQuiet) &&
      sdp::check_last_dim_stride_equals_1_dense<true>(call, kQuiet) &&
      sdp::check_batch_size_and_num_heads_dense<true, false>(call, kQuiet) &&
      sixteenths == std::floor(sixteenths) && d_k % 8 == 0 && d_v % 8 == 0 && d_k <= 128 &&
      d_v <= 128 && call.key.size(2) != 1 && (call.dropout == 0 || call.query.size(2) != 1);
}

bool flash_takes(const sdp_params& call) {
  const int64_t d_k = call.query.size(3), d_v = call.value.size(3);
  const bool is_square = call.query.size(2) == call.key.size(2);
  return sdp::check_runtime_disabled_flash(call, kQuiet) && is_dense(call) &&
      is_low_precision(call) && sdp::check_for_attn_mask(call, kQuiet) && d_k == d_v &&
      d_k <= 256 && (is_square || !call.is_causal) &&
      sdp::check_last_dim_stride_equals_1_dense<true>(call, kQuiet) &&
      sdp::check_batch_size_and_num_heads_dense<true>(call, kQuiet);
}

bool efficient_takes(const sdp_params& call) {
  const int64_t aligned = is_low_precision(call) ? 8 : 4;
  return sdp::check_runtime_disabled_mem_efficient(call, kQuiet) && is_dense(call) &&
      call.query.size(3) % aligned == 0 && call.value.size(3) % aligned == 0 &&
      sdp::check_last_dim_stride_equals_1_dense<false>(call, kQuiet) &&
      sdp::check_batch_size_and_num_heads_dense<false>(call, kQuiet);
}

int64_t choose(
    const Tensor& query,
    const Tensor& key,
    const Tensor& value,
    const std::optional<Tensor>& mask,
    double dropout,
    bool is_causal,
    std::optional<double>,
    bool enable_gqa) {
  const sdp_params call{query, key, value, mask, dropout, is_causal, enable_gqa};
  if (cudnn_takes(call)) {
    return static_cast<int64_t>(SDPBackend::cudnn_attention);
  }
  if (flash_takes(call)) {
    return static_cast<int64_t>(SDPBackend::flash_attention);
  }
  if (efficient_takes(call)) {
    return static_cast<int64_t>(SDPBackend::efficient_attention);
  }
  TORCH_CHECK(globalContext().userEnabledMathSDP(), "no kernel of attention is left");
  return static_cast<int64_t>(SDPBackend::math);
}

struct RegisterChoice {
  RegisterChoice() { native::_fused_sdp_choice_stub.set_cuda_dispatch_ptr(&choose); }
} register_choice;

}  // namespace
}  // namespace at
