#include "question.hpp"

#include <future>
#include <memory>

#include <cnode/actors/process.hpp>
#include <cnode/protocol/atom_table.hpp>

namespace cnode::program {
namespace {

class question final : public actors::behaviour {
 public:
  question(term module, term function, term args, std::shared_ptr<std::promise<answered>> answer)
      : module_(module), function_(function), args_(copy_to_block(args)), answer_(std::move(answer)) {}
  void start(actors::process& self) override { self.call(module_, function_, args_->root); }
  void receive(actors::process&, block_ptr& message) override { message.reset(); }
  void returned(actors::process& self, actors::outcome result) override {
    const bool value = result.kind == actors::outcome::value;
    give({value ? answered::value : answered::raised, copy_to_block(value ? result.result : result.reason)});
    self.exit(atom("normal"));
  }
  void stopping(actors::process&, term) override { give({}); }

 private:
  void give(answered a) {
    if (answer_) answer_->set_value(std::move(a));
    answer_.reset();
  }

  term module_, function_;
  block_ptr args_;
  std::shared_ptr<std::promise<answered>> answer_;
};

}  // namespace

answered ask(actors::runtime& node, term module, term function, term args) {
  const auto answer = std::make_shared<std::promise<answered>>();
  auto future = answer->get_future();
  node.spawn(std::make_unique<question>(module, function, args, answer));
  return future.get();
}

}  // namespace cnode::program
