#include "code/probe_call.hpp"

#include <cstddef>

#if defined(__x86_64__)

// No frame information: an exception that comes this far ends the process, as one out of dlopen does in any case.
asm(R"(
  .text
  .globl cnode_probe_run
  .hidden cnode_probe_run
  .type cnode_probe_run, @function
cnode_probe_run:
  push %rbp
  push %rbx
  push %r12
  push %r13
  push %r14
  push %r15
  sub $8, %rsp
  stmxcsr (%rsp)
  fnstcw 4(%rsp)
  sub $16384, %rsp
  mov %rdi, cnode_probe_block(%rip)
  mov %rsp, cnode_probe_stack(%rip)
  mov %rdi, %rbx
  mov 32(%rbx), %rax
  mov %rsp, %rdi
  mov $2048, %ecx
  rep stosq
  mov (%rbx), %r11
  mov 8(%rbx), %rdi
  mov 16(%rbx), %rsi
  mov 24(%rbx), %rdx
  movq %rax, %xmm0
  punpcklqdq %xmm0, %xmm0
  movdqa %xmm0, %xmm1
  movdqa %xmm0, %xmm2
  movdqa %xmm0, %xmm3
  movdqa %xmm0, %xmm4
  movdqa %xmm0, %xmm5
  movdqa %xmm0, %xmm6
  movdqa %xmm0, %xmm7
  mov %rax, %rcx
  mov %rax, %r8
  mov %rax, %r9
  mov %rax, %r10
  mov %rax, %rbx
  mov %rax, %rbp
  mov %rax, %r12
  mov %rax, %r13
  mov %rax, %r14
  mov %rax, %r15
  call *%r11
  mov %rsp, %rdx
  mov cnode_probe_stack(%rip), %rsp
  mov cnode_probe_block(%rip), %rsi
  mov %rax, 40(%rsi)
  mov 32(%rsi), %rax
  xor %rsp, %rdx
  xor %rax, %rbx
  xor %rax, %rbp
  xor %rax, %r12
  xor %rax, %r13
  xor %rax, %r14
  xor %rax, %r15
  or %rbx, %rdx
  or %rbp, %rdx
  or %r12, %rdx
  or %r13, %rdx
  or %r14, %rdx
  or %r15, %rdx
  mov %rsp, %rdi
  mov $2048, %ecx
0:
  mov (%rdi), %rbx
  xor %rax, %rbx
  or %rbx, %rdx
  add $8, %rdi
  dec %ecx
  jnz 0b
  add $16384, %rsp
  pushfq
  pop %rax
  and $0x400, %eax
  or %rax, %rdx
  cld
  sub $8, %rsp
  stmxcsr (%rsp)
  fnstcw 4(%rsp)
  mov (%rsp), %eax
  xor 8(%rsp), %eax
  and $0xffc0, %eax
  or %rax, %rdx
  movzwl 4(%rsp), %eax
  xor 12(%rsp), %ax
  or %rax, %rdx
  mov %rdx, 48(%rsi)
  fninit
  ldmxcsr 8(%rsp)
  add $16, %rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  pop %rbp
  ret
  .size cnode_probe_run, . - cnode_probe_run
  .local cnode_probe_block
  .comm cnode_probe_block, 8, 8
  .local cnode_probe_stack
  .comm cnode_probe_stack, 8, 8
)");

extern "C" void cnode_probe_run(cnode::actors::probe::checked_call*);

namespace cnode::actors::probe {

static_assert(offsetof(checked_call, arguments) == 8 && offsetof(checked_call, pattern) == 32 && offsetof(checked_call, result) == 40 &&
              offsetof(checked_call, damage) == 48);

void run(checked_call& call) { cnode_probe_run(&call); }

}  // namespace cnode::actors::probe

#else

namespace cnode::actors::probe {

void run(checked_call& call) {
  using function = std::uintptr_t (*)(std::uintptr_t, std::uintptr_t, std::uintptr_t);
  call.result = reinterpret_cast<function>(call.function)(call.arguments[0], call.arguments[1], call.arguments[2]);
  call.damage = 0;
}

}  // namespace cnode::actors::probe

#endif
