// SPDX-License-Identifier: Apache-2.0
#include "rules/eval/decision_graph.h"

#include <gtest/gtest.h>

namespace bailiff {
namespace {

using Edge = DecisionGraph::Edge;

class DecisionGraphTest : public testing::Test {
 protected:
  DecisionGraph graph_;
  const Edge a_ = graph_.add_leaf();
  const Edge b_ = graph_.add_leaf();
  const Edge c_ = graph_.add_leaf();
  const Edge true_ = DecisionGraph::constant(true);
  const Edge false_ = DecisionGraph::constant(false);
};

TEST_F(DecisionGraphTest, NoPartStandsTwice) {
  const Edge both = graph_.all_of({a_, b_});
  const std::size_t size = graph_.size();
  EXPECT_EQ(graph_.all_of({b_, a_, b_, true_}), both);
  EXPECT_EQ(graph_.any_of({!b_, !a_}), !both);
  EXPECT_EQ(graph_.size(), size);
  EXPECT_NE(graph_.all_of({a_, c_}), both);
  EXPECT_NE(graph_.all_of({a_, !b_}), both);
}

TEST_F(DecisionGraphTest, SettlesWhatNeedsNoEvent) {
  EXPECT_EQ(graph_.all_of({}), true_);
  EXPECT_EQ(graph_.any_of({}), false_);
  EXPECT_EQ(graph_.all_of({a_}), a_);
  EXPECT_EQ(graph_.all_of({a_, false_}), false_);
  EXPECT_EQ(graph_.any_of({a_, true_}), true_);
  EXPECT_EQ(graph_.any_of({a_, false_}), a_);
  EXPECT_EQ(graph_.all_of({a_, b_, !a_}), false_);
  EXPECT_EQ(graph_.any_of({a_, b_, !a_}), true_);
  EXPECT_EQ(!true_, false_);
}

TEST_F(DecisionGraphTest, OperandsComeBeforeWhatIsMadeOfThem) {
  const Edge either = graph_.any_of({a_, graph_.all_of({b_, c_})});
  EXPECT_TRUE(graph_.is_leaf(a_.node()));
  EXPECT_FALSE(graph_.is_leaf(either.node()));
  ASSERT_EQ(graph_.operands(either.node()).size(), 2U);
  for (const Edge operand : graph_.operands(either.node())) {
    EXPECT_LT(operand.node(), either.node());
  }
  EXPECT_TRUE(graph_.operands(a_.node()).empty());
}

}  // namespace
}  // namespace bailiff
